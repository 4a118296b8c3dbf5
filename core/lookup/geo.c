/* SPDX-License-Identifier: Apache-2.0 */
#include "lookup/geo.h"

#include "base/memory.h"

#include <errno.h>
#include <math.h>
#include <maxminddb.h>
#include <stdlib.h>

#define EARTH_KILOMETRES 6371.0088 /* mean radius, IUGG */

struct geo {
	MMDB_s database;
};

struct geo *geo_open(const char *path, struct err *e)
{
	struct geo *geo = memory_new(1, sizeof *geo);
	int status = MMDB_open(path, MMDB_MODE_MMAP, &geo->database);
	if (status == MMDB_SUCCESS)
		return geo;
	err_set(e, "cannot open '%s': %s", path,
		status == MMDB_IO_ERROR || status == MMDB_FILE_OPEN_ERROR ? strerror(errno)
									  : MMDB_strerror(status));
	free(geo);
	return NULL;
}

void geo_free(struct geo *geo)
{
	if (geo == NULL)
		return;
	MMDB_close(&geo->database);
	free(geo);
}

/* The text, or absent, at a path of names below an entry. */
static struct slice text_at(MMDB_lookup_result_s *found, const char *const *path)
{
	MMDB_entry_data_s data;
	if (MMDB_aget_value(&found->entry, &data, path) != MMDB_SUCCESS || !data.has_data ||
	    data.type != MMDB_DATA_TYPE_UTF8_STRING)
		return SLICE_ABSENT;
	return slice_of(data.utf8_string, data.data_size);
}

static bool number_at(MMDB_lookup_result_s *found, const char *const *path, double *number)
{
	MMDB_entry_data_s data;
	if (MMDB_aget_value(&found->entry, &data, path) != MMDB_SUCCESS || !data.has_data ||
	    data.type != MMDB_DATA_TYPE_DOUBLE)
		return false;
	*number = data.double_value;
	return true;
}

#define PATH(...) ((const char *const[]){ __VA_ARGS__, NULL })

bool geo_find(const struct geo *geo, const struct addr *a, struct geo_place *place)
{
	struct sockaddr_storage address;
	int status;
	addr_to_sockaddr(a, &address);
	MMDB_lookup_result_s found = MMDB_lookup_sockaddr(
		&geo->database, (const struct sockaddr *)&address, &status);
	if (status != MMDB_SUCCESS || !found.found_entry)
		return false;
	*place = (struct geo_place){
		.country = text_at(&found, PATH("country", "names", "en")),
		.country_code = text_at(&found, PATH("country", "iso_code")),
		.region = text_at(&found, PATH("subdivisions", "0", "names", "en")),
		.region_code = text_at(&found, PATH("subdivisions", "0", "iso_code")),
		.city = text_at(&found, PATH("city", "names", "en")),
	};
	place->has_position = number_at(&found, PATH("location", "latitude"), &place->latitude) &&
			      number_at(&found, PATH("location", "longitude"), &place->longitude);
	return true;
}

double geo_distance(double latitude1, double longitude1, double latitude2, double longitude2)
{
	/* the haversine formula, which is exact for near places, too */
	const double radians = M_PI / 180;
	double up = sin((latitude2 - latitude1) * radians / 2);
	double across = sin((longitude2 - longitude1) * radians / 2);
	double share = up * up +
		       cos(latitude1 * radians) * cos(latitude2 * radians) * across * across;
	return 2 * EARTH_KILOMETRES * asin(sqrt(share > 1 ? 1 : share));
}
