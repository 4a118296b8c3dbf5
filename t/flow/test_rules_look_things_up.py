# SPDX-License-Identifier: Apache-2.0
"""resource.* reads files that were there at start; geo.* asks a database; the rest of the library that
wants a whole weir: sys.*, json.*, jwt.* with what a client sends."""
import hashlib
import os
import subprocess

from lab import mmdb
from lab.weir import PROGRAM

PARIS = {"country": {"iso_code": "FR", "names": {"en": "France", "de": "Frankreich"}},
         "subdivisions": [{"iso_code": "IDF", "names": {"en": "Île-de-France"}}],
         "city": {"names": {"en": "Paris"}},
         "location": {"latitude": 48.8566, "longitude": 2.3522, "accuracy_radius": 20}}
NEW_YORK = {"country": {"iso_code": "US", "names": {"en": "United States"}},
            "location": {"latitude": 40.7128, "longitude": -74.0060}}
SAY = 'http.sendResponse(200, "text/plain", '


def answer(bench, text, **top):
    weir = bench.weir([bench.node()], request=text, **top)
    return bench.connect(weir).get("/").body.decode()


def test_resources_are_what_they_were_at_start(bench, tmp_path):
    (tmp_path / "blocked.txt").write_bytes(b"10.0.0.1\r\n\n10.0.0.2")
    (tmp_path / "page").write_bytes(bytes(range(256)))
    os.utime(tmp_path / "page", (1234567890, 1234567890))
    os.chmod(tmp_path / "page", 0o600)  # workers are somebody else by the time a rule asks
    (tmp_path / "folder").mkdir()
    weir = bench.weir([bench.node()], resources_dir=str(tmp_path), workers=2, request="""
        local lines = resource.getLines("blocked.txt")
        local said = { #lines, lines[1], lines[2], lines[3], resource.getMTime("page"),
            string.hexencode(resource.getMD5("page")), tostring(resource.exists("page")),
            tostring(resource.exists("folder")), tostring(resource.exists("../" .. "x")) }
        http.sendResponse(200, "text/plain", table.concat(said, " ") .. " " .. resource.get("page"))
    """)
    (tmp_path / "page").write_bytes(b"other")
    md5 = hashlib.md5(bytes(range(256))).hexdigest()
    wanted = f"3 10.0.0.1  10.0.0.2 1234567890 {md5} true false false ".encode() + bytes(range(256))
    for _ in range(4):
        assert bench.connect(weir).get("/").body == wanted


def test_geo_asks_the_database(bench, tmp_path):
    mmdb.write(tmp_path / "city.mmdb", {"81.2.69.0/24": PARIS, "2001:db8::/32": NEW_YORK})
    said = answer(bench, """
        local said = {}
        local function say(...)
            for i = 1, select("#", ...) do said[#said + 1] = tostring((select(i, ...))) end
        end
        local ip = "81.2.69.160"
        say(geo.getCountry(ip), geo.getCountryCode(ip), geo.getRegion(ip), geo.getRegionCode(ip))
        say(geo.getCity(ip), geo.getLatitude(ip), geo.getLongitude(ip))
        say(geo.getCountryCode("2001:db8::1"))
        say(math.floor(geo.getIPDistanceKM(ip, "2001:db8::1")))
        say(math.floor(geo.getIPDistanceMiles(ip, "2001:db8::1")))
        say(geo.getCity("2001:db8::1"))
        say(geo.getCountry("192.0.2.1"))
        say(geo.getCountry("nonsense"))
        say(geo.getIPDistanceKM(ip, "192.0.2.1"))
        """ + SAY + 'table.concat(said, "|"))', geo={"database": str(tmp_path / "city.mmdb")})
    unknown = "nil|an address that the database does not know"
    assert said == ("France|FR|Île-de-France|IDF|Paris|48.8566|2.3522|US|5837|3627|"
                    "nil|the database does not say|" + unknown + "|nil|not an IP address|" + unknown)


def test_what_cannot_be_read_stops_the_start_and_says_where(tmp_path):
    (tmp_path / "rules").mkdir()
    (tmp_path / "res").mkdir()
    (tmp_path / "res" / "link").symlink_to("/etc/passwd")
    (tmp_path / "broken.mmdb").write_bytes(b"no database")
    conf = tmp_path / "weir.yaml"
    base = ("rules_dir: rules\npools: {web: {nodes: [\"127.0.0.1:1\"]}}\n"
            "virtual_servers: {main: {listen: \"127.0.0.1:1\", pool: web}}\n")

    def check(more):
        conf.write_text(base + more)
        ran = subprocess.run([PROGRAM, "check", "-c", str(conf)], capture_output=True, text=True)
        assert (ran.returncode == 0) == (ran.stderr == "" or more == "")
        return ran.stderr

    assert "weir.yaml:4:16: cannot read resource 'link': it is a link that leads out" in check("resources_dir: res\n")
    assert "weir.yaml:4:16: cannot open" in check("resources_dir: none\n")
    assert "broken.mmdb': The MaxMind DB file contains invalid metadata" in check("geo: {database: broken.mmdb}\n")
    assert "none.mmdb': No such file or directory" in check("geo: {database: none.mmdb}\n")
    assert "'geo' needs 'database'" in check("geo: {}\n")


def test_json_of_a_client_is_changed_and_hostile_json_is_survived(bench):
    weir = bench.weir([bench.node()], request="""
        local text = http.getHeader("X-Json")
        local value, why = json.deserialize(text)
        if value == nil then http.sendResponse(400, "text/plain", why) end
        value.seen = true
        http.sendResponse(200, "application/json", json.serialize(value))
    """)
    client = bench.connect(weir)

    def post(text):
        return client.get("/", headers=f"X-Json: {text}\r\n")

    assert post('{"seen":false}').body == b'{"seen":true}'
    assert post("[" * 4000).status == 400
    assert post('{"a":"\\ud800"}').text.startswith("half of a surrogate pair")
    assert post('{"seen":1}').body == b'{"seen":true}'


def test_names_that_are_function_and_family(bench):
    assert answer(bench, """
        local ok = sys.time.year(sys.time()) >= 2024 and type(sys.hostname()) == "string"
        """ + SAY + "tostring(ok and ssl.isSSL() == false))") == "true"
