/*
 * geo: where an address is, by a database in MaxMind's format. The file is mapped, so it must be
 * replaced as a whole (a new file under its name), never written to in place.
 */
/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WEIR_LOOKUP_GEO_H
#define WEIR_LOOKUP_GEO_H

#include "base/err.h"
#include "base/slice.h"
#include "net/addr.h"

#include <stdbool.h>

struct geo;

/* What the database says of a place; absent where it says nothing. Valid until geo_free. */
struct geo_place {
	struct slice country, country_code, region, region_code, city; /* English names */
	bool has_position;
	double latitude, longitude; /* degrees */
};

/* Opens the database; NULL with the reason in `e`. */
struct geo *geo_open(const char *path, struct err *e);
void geo_free(struct geo *geo);

/* False when it does not know the address. */
bool geo_find(const struct geo *geo, const struct addr *a, struct geo_place *place);

/* Kilometres on the ground between two positions, the earth taken as a ball. */
double geo_distance(double latitude1, double longitude1, double latitude2, double longitude2);

#endif
