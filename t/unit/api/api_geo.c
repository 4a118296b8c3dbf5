/* SPDX-License-Identifier: Apache-2.0 */
#include "api_unit.h"

#include <criterion/criterion.h>

TestSuite(api_geo, .init = api_unit_open, .fini = api_unit_close);

/* Paris to New York, and half way round. */
Test(api_geo, distances)
{
	api_unit_passes(
		"local function near(got, wanted) assert(math.abs(got - wanted) < 1, got) end\n"
		"near(geo.getDistanceKM(48.8566, 2.3522, 40.7128, -74.0060), 5837)\n"
		"near(geo.getDistanceMiles(48.8566, 2.3522, 40.7128, -74.0060), 3627)\n"
		"near(geo.getDistanceKM(0, 0, 0, 180), 20015)\n"
		"near(geo.getDistanceKM(90, 0, -90, 77), 20015)\n"
		"near(geo.getDistanceKM(0, 179.9, 0, -179.9), 22.2)\n"
		"assert(geo.getDistanceKM(1.5, 2.5, 1.5, 2.5) == 0)\n");
}

static const char *const by_address[] = { "getCountry",    "getCountryCode", "getRegion",
					  "getRegionCode", "getCity",        "getLatitude",
					  "getLongitude" };

Test(api_geo, without_a_database_every_question_fails_and_says_so)
{
	char rule[256];
	api_unit_keep_log();
	for (size_t i = 0; i < sizeof by_address / sizeof *by_address; i++) {
		snprintf(rule, sizeof rule,
			 "local value, why = geo.%s('192.0.2.1')\n"
			 "assert(value == nil and why == 'no database', why)",
			 by_address[i]);
		api_unit_passes(rule);
		snprintf(rule, sizeof rule, "geo.%s()", by_address[i]);
		api_unit_fails(rule, "argument 1 (ip): expected a string, got nothing");
	}
	cr_expect_not_null(strstr(api_unit_log(), "geo.* wants a database"));
	api_unit_passes("assert(select(2, geo.getIPDistanceKM('::1', '::1')) == 'no database')\n"
			"assert(select('#', geo.getIPDistanceMiles('::1', '::1')) == 2)\n");
}

static const struct {
	const char *text, *message;
} wrong[] = {
	{ "geo.getDistanceKM(1, 2, 3)",
	  "geo.getDistanceKM: argument 4 (longitude2): expected a number, got nothing" },
	{ "geo.getDistanceKM(91, 0, 0, 0)",
	  "argument 1 (latitude1): expected degrees from -90 to 90, got 91" },
	{ "geo.getDistanceKM(0, 0, 0, -181)",
	  "argument 4 (longitude2): expected degrees from -180 to 180, got -181" },
	{ "geo.getDistanceMiles(0/0, 0, 0, 0)",
	  "argument 1 (latitude1): expected degrees from -90 to 90" },
	{ "geo.getDistanceMiles('x', 0, 0, 0)",
	  "argument 1 (latitude1): expected a number, got string" },
	{ "geo.getIPDistanceKM('::1')", "argument 2 (ip2): expected a string, got nothing" },
	{ "geo.getIPDistanceMiles({}, '::1')", "argument 1 (ip1): expected a string, got table" },
	{ "geo.getCity({})", "geo.getCity: argument 1 (ip): expected a string, got table" },
};

Test(api_geo, wrong_arguments)
{
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		api_unit_fails(wrong[i].text, wrong[i].message);
}
