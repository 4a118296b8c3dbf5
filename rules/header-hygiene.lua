-- SPDX-License-Identifier: Apache-2.0
-- rules/header-hygiene.lua: nodes believe these headers, so a client may not write them.
-- Attach it as a request rule where clients come directly; behind a proxy of your own, after
-- spoof-forwarded-client.
http.removeHeader("Forwarded")
http.removeHeader("Proxy") -- becomes HTTP_PROXY in CGI programs
http.removeHeader("X-Forwarded-For") -- weir can add its own: http: {add_x_forwarded_for: true}
http.removeHeader("X-Forwarded-Host")
http.removeHeader("X-Forwarded-Proto")
http.removeHeader("X-Original-URL")
http.removeHeader("X-Real-IP")
http.removeHeader("X-Rewrite-URL")
