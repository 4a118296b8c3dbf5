/* geo.*: where an address is, by a database (geo: {database}); and distances. */
/* SPDX-License-Identifier: Apache-2.0 */
#include "api/api_private.h"

#include "lookup/geo.h"

#include <math.h>

#define KILOMETRES_PER_MILE 1.609344
/* Looking an address up goes down a tree in memory that nobody else warms. */
#define LOOKUP_BYTES (256 * 20)

/* What is known of the address that is argument `n`; else nil and the reason are pushed. */
static bool find_place(struct rule_call *call, unsigned n, struct geo_place *place)
{
	struct addr address;
	const struct geo *geo = api_world(call)->geo;
	struct slice text = rule_argument_string(call, n);
	rule_spend(call, LOOKUP_BYTES);
	const char *why = NULL;
	if (geo == NULL) {
		api_warn(call, "geo.* wants a database: geo: {database: FILE}");
		why = "no database";
	} else if (!addr_parse_ip(text, &address)) {
		why = "not an IP address";
	} else if (!geo_find(geo, &address, place)) {
		why = "an address that the database does not know";
	}
	if (why != NULL)
		api_fail(call, why);
	return why == NULL;
}

static enum rule_answer answer_name(struct rule_call *call, struct slice name)
{
	if (slice_is_absent(name))
		return api_fail(call, "the database does not say");
	rule_push_string(call, name);
	return RULE_RETURN;
}

static enum rule_answer get_country(struct rule_call *call)
{
	struct geo_place place;
	return find_place(call, 1, &place) ? answer_name(call, place.country) : RULE_RETURN;
}

static enum rule_answer get_country_code(struct rule_call *call)
{
	struct geo_place place;
	return find_place(call, 1, &place) ? answer_name(call, place.country_code) : RULE_RETURN;
}

static enum rule_answer get_region(struct rule_call *call)
{
	struct geo_place place;
	return find_place(call, 1, &place) ? answer_name(call, place.region) : RULE_RETURN;
}

static enum rule_answer get_region_code(struct rule_call *call)
{
	struct geo_place place;
	return find_place(call, 1, &place) ? answer_name(call, place.region_code) : RULE_RETURN;
}

static enum rule_answer get_city(struct rule_call *call)
{
	struct geo_place place;
	return find_place(call, 1, &place) ? answer_name(call, place.city) : RULE_RETURN;
}

/* As find_place, for one whose position is known. */
static bool find_position(struct rule_call *call, unsigned n, struct geo_place *place)
{
	if (!find_place(call, n, place))
		return false;
	if (!place->has_position)
		api_fail(call, "the database does not say");
	return place->has_position;
}

static enum rule_answer get_latitude(struct rule_call *call)
{
	struct geo_place place;
	if (find_position(call, 1, &place))
		rule_push_number(call, place.latitude);
	return RULE_RETURN;
}

static enum rule_answer get_longitude(struct rule_call *call)
{
	struct geo_place place;
	if (find_position(call, 1, &place))
		rule_push_number(call, place.longitude);
	return RULE_RETURN;
}

/* ---- distances ---------------------------------------------------------------------------------------- */

static double degrees_argument(struct rule_call *call, unsigned n, double most)
{
	double value = rule_argument_number(call, n);
	if (!(fabs(value) <= most))
		rule_argument_error(call, n, "expected degrees from -%g to %g, got %.14g", most,
				    most, value);
	return value;
}

static enum rule_answer distance(struct rule_call *call, double unit)
{
	double latitude1 = degrees_argument(call, 1, 90),
	       longitude1 = degrees_argument(call, 2, 180);
	double latitude2 = degrees_argument(call, 3, 90),
	       longitude2 = degrees_argument(call, 4, 180);
	rule_push_number(call, geo_distance(latitude1, longitude1, latitude2, longitude2) / unit);
	return RULE_RETURN;
}

static enum rule_answer get_distance_km(struct rule_call *call)
{
	return distance(call, 1);
}

static enum rule_answer get_distance_miles(struct rule_call *call)
{
	return distance(call, KILOMETRES_PER_MILE);
}

static enum rule_answer ip_distance(struct rule_call *call, double unit)
{
	struct geo_place one, other;
	rule_argument_string(call, 2); /* wrong whatever is known of the first */
	if (!find_position(call, 1, &one) || !find_position(call, 2, &other))
		return RULE_RETURN;
	rule_push_number(
		call,
		geo_distance(one.latitude, one.longitude, other.latitude, other.longitude) / unit);
	return RULE_RETURN;
}

static enum rule_answer get_ip_distance_km(struct rule_call *call)
{
	return ip_distance(call, 1);
}

static enum rule_answer get_ip_distance_miles(struct rule_call *call)
{
	return ip_distance(call, KILOMETRES_PER_MILE);
}

#define IP "ip: string"
#define NAMED "string|nil, string|nil reason"
#define NUMBERED "number|nil, string|nil reason"
#define POSITIONS "latitude1: number, longitude1: number, latitude2: number, longitude2: number"

/* clang-format off */
static const struct rule_function functions[] = {
	{ "geo.getCountry", get_country, RULE_IN_ANY, IP, NAMED,
	  "The country where the address is, in English, by the database that `geo: {database}` names. nil "
	  "and a reason for what is no address, for one that it does not know, and without a database (a "
	  "warning in the log says so).", "geo.getCountry" },
	{ "geo.getCountryCode", get_country_code, RULE_IN_ANY, IP, NAMED,
	  "Its code of two letters (ISO 3166-1); nil as geo.getCountry.", "geo.getCountryCode" },
	{ "geo.getRegion", get_region, RULE_IN_ANY, IP, NAMED,
	  "The largest part of the country where the address is; nil as geo.getCountry.", "geo.getRegion" },
	{ "geo.getRegionCode", get_region_code, RULE_IN_ANY, IP, NAMED,
	  "Its code (ISO 3166-2, without the country); nil as geo.getCountry.", "geo.getRegionCode" },
	{ "geo.getCity", get_city, RULE_IN_ANY, IP, NAMED,
	  "The city where the address is; nil as geo.getCountry.", "geo.getCity" },
	{ "geo.getLatitude", get_latitude, RULE_IN_ANY, IP, NUMBERED,
	  "Its latitude in degrees, north positive; nil as geo.getCountry.", "geo.getLatitude" },
	{ "geo.getLongitude", get_longitude, RULE_IN_ANY, IP, NUMBERED,
	  "Its longitude in degrees, east positive; nil as geo.getCountry.", "geo.getLongitude" },
	{ "geo.getDistanceKM", get_distance_km, RULE_IN_ANY, POSITIONS, "number",
	  "Kilometres between two positions in degrees, on the ground.", "geo.getDistanceKM" },
	{ "geo.getDistanceMiles", get_distance_miles, RULE_IN_ANY, POSITIONS, "number",
	  "As geo.getDistanceKM, in miles of 1.609344 km.", "geo.getDistanceMiles" },
	{ "geo.getIPDistanceKM", get_ip_distance_km, RULE_IN_ANY, "ip1: string, ip2: string", NUMBERED,
	  "Kilometres between two addresses; nil as geo.getCountry.", "geo.getIPDistanceKM" },
	{ "geo.getIPDistanceMiles", get_ip_distance_miles, RULE_IN_ANY, "ip1: string, ip2: string",
	  NUMBERED, "As geo.getIPDistanceKM, in miles.", "geo.getIPDistanceMiles" },
};
/* clang-format on */

API_FAMILY(api_geo, functions);
