---@meta
-- SPDX-License-Identifier: Apache-2.0
-- What rules can call, for editors that know LuaLS annotations.
-- Written by `weir reference stubs`: change the rows in core/api instead.

http = {}

---The method, as sent: "GET".
---@return string
function http.getMethod() end

---Changes the method that the node sees. CONNECT is an error. A client that asked with HEAD gets
---no body, whatever its method became.
---@param method string
function http.setMethod(method) end

---The client's version of HTTP: "1.1" or "1.0".
---@return string
function http.getVersion() end

---Says whether the request may be sent again, to the same node or another, when it is not known
---what became of it. Without this GET, HEAD, PUT, DELETE, OPTIONS and TRACE may.
---@param resend boolean
function http.setIdempotent(resend) end

---Path and query without scheme and host, not decoded: just what the node gets. The path is in
---normal form, the query as sent, unless rules changed them.
---@return string
function http.getRawURL() end

---The path in normal form, percent-decoded, without query, scheme and host. The normal form is
---made before the first rule runs and is what the node gets: no "." and ".." segments, no escape
---that need not be; "//" stays unless `http: {merge_slashes: true}`. A "/" that came as "%2F"
---looks like any other here; http.getRawURL tells them apart.
---@return string
function http.getPath() end

---Changes the path. The text is percent-encoded where it must be, "%" included: what the getter
---gave, decoded, can be put back. A "?" in it begins a new query, without one the query stays.
---@param path string
function http.setPath(path) end

---The same as http.setPath.
---@param path string
function http.setEscapedPath(path) end

---Changes the path. The text is taken as it is; a byte that cannot stand in a URL is an error. A
---"?" in it begins a new query, without one the query stays.
---@param path string
function http.setRawPath(path) end

---What follows the "?", percent-decoded; "+" stays. `nil` without "?".
---@return string|nil
function http.getQueryString() end

---Changes the query; `nil` removes it. The text is percent-encoded where it must be, "%"
---included: what the getter gave, decoded, can be put back.
---@param query? string
function http.setQueryString(query) end

---What follows the "?", as sent. `nil` without "?".
---@return string|nil
function http.getRawQueryString() end

---Changes the query; `nil` removes it. The text is taken as it is; a byte that cannot stand in a
---URL is an error.
---@param query? string
function http.setRawQueryString(query) end

---The one normal form of a path as it is sent: "//", "/./" and "/../" are resolved, escapes that
---need not be are undone, others get upper-case digits. What follows a "?" stays. `nil` when it
---leaves the root, does not begin with "/", or is one that weir refuses in a request: with a
---malformed escape, a control, a byte that no URI has, or a ".." that only some readers see.
---@param path string
---@return string|nil
function http.normalizePath(path) end

---The value of a request header, any case; several lines joined by ", " (Cookie by "; "). `nil`
---when there is none.
---@param name string
---@return string|nil
function http.getHeader(name) end

---Is there such a request header?
---@param name string
---@return boolean
function http.headerExists(name) end

---All request headers: names in lower case to what http.getHeader gives.
---@return table<string, string>
function http.getHeaders() end

---The names of the request headers as received, each once, in their order.
---@return string[]
function http.listHeaderNames() end

---Sets a request header in place of all lines of that name. Content-Length, Transfer-Encoding,
---Connection, Expect and the like are weir's own: setting them is an error. So are names that are
---no token, and values with CR, LF, NUL or other controls. Host has to be host or host:port.
---Lines whose names differ only in signs (X_User for X-User) go: many applications cannot tell
---them apart.
---@param name string
---@param value string
function http.setHeader(name, value) end

---Adds one more line of that name; errors as of http.setHeader. A second Host is an error.
---@param name string
---@param value string
function http.addHeader(name, value) end

---Removes all lines of that name, also with other signs (X_User for X-User). Host and headers
---that are weir's own are an error.
---@param name string
function http.removeHeader(name) end

---Removes all request headers but those named, Host, and those that are weir's own.
---@param name string
---@param ... string
function http.scrubRequestHeaders(name, ...) end

---The host that the client asked for: lower case, without port and trailing dot. `nil` when an
---HTTP/1.0 client named none.
---@return string|nil
function http.getHostHeader() end

---The request line and all headers as one text that ends in an empty line.
---@return string
function http.getRequest() end

---The first cookie of that name in the request, its value as sent. `nil` when there is none.
---@param name string
---@return string|nil
function http.getCookie(name) end

---All cookies of the request: name to what http.getCookie gives.
---@return table<string, string>
function http.getCookies() end

---Sets a cookie in the request that the node sees; others stay. A name that is no token is an
---error, and a value with blanks, quotes, commas, semicolons, backslashes or controls.
---@param name string
---@param value string
function http.setCookie(name, value) end

---Removes all cookies of that name from the request.
---@param name string
function http.removeCookie(name) end

---The status code of the response; in a completion rule the one that the client got, also from
---weir itself, or `nil` when it got none.
---@return integer|nil
function http.getResponseCode() end

---Changes the status code, 200 to 599; the message is by default the standard's. In a request
---rule: of the response that the node will give. A body that may not follow the new code (204,
---304) is left out. The code of a response that switches protocols (101) stays: in a response
---rule an error.
---@param code integer
---@param message? string
function http.setResponseCode(code, message) end

---The node's version of HTTP: "1.1" or "1.0". `nil` in a completion rule when no node answered.
---@return string|nil
function http.getResponseVersion() end

---The status line and all headers as one text that ends in an empty line. `nil` in a completion
---rule when no node answered.
---@return string|nil
function http.getResponse() end

---The value of a response header, any case; several lines joined by ", " (Set-Cookie: the first).
---`nil` when there is none.
---@param name string
---@return string|nil
function http.getResponseHeader(name) end

---Is there such a response header?
---@param name string
---@return boolean
function http.responseHeaderExists(name) end

---All response headers: names in lower case to what http.getResponseHeader gives. `nil` in a
---completion rule when no node answered.
---@return table<string, string>|nil
function http.getResponseHeaders() end

---The names of the response headers as received, each once, in their order. `nil` in a completion
---rule when no node answered.
---@return string[]|nil
function http.listResponseHeaderNames() end

---Sets a response header in place of all lines of that name; errors as of http.setHeader.
---@param name string
---@param value string
function http.setResponseHeader(name, value) end

---Puts the value behind what the header holds, after ", "; unlike http.addHeader it makes no
---second line, but for Set-Cookie. Errors as of http.setHeader.
---@param name string
---@param value string
function http.addResponseHeader(name, value) end

---Removes all lines of that name; headers that are weir's own are an error.
---@param name string
function http.removeResponseHeader(name) end

---Removes all response headers but those named and those that are weir's own.
---@param name string
---@param ... string
function http.scrubResponseHeaders(name, ...) end

---The value of the first cookie of that name that the response sets. `nil` when there is none.
---@param name string
---@return string|nil
function http.getResponseCookie(name) end

---All cookies that the response sets: name to value. `nil` in a completion rule when no node
---answered.
---@return table<string, string>|nil
function http.getResponseCookies() end

---Sets a cookie at the client. Options are attributes such as "Path=/; Secure"; without them the
---response's own for that cookie stay. In a request rule: with the response that a node will
---give, or with the answer of a rule. Errors as of http.setCookie.
---@param name string
---@param value string
---@param options? string
function http.setResponseCookie(name, value, options) end

---Removes the cookie of that name from the response: the client keeps what it has.
---@param name string
function http.removeResponseCookie(name) end

---Answers the client. Code is 403, "403" or "403 Forbidden" (200 to 599). Headers are text of
---lines or a table of names to a value or an array of values; Date, Content-Length, Connection
---and the like are weir's own: giving them is an error, and so is a second Content-Type. A body
---that may not follow the code (204, 304) is left out. A verdict: it does not return, no node is
---asked (or its response is dropped), and response rules do not run.
---@param code integer|string
---@param type string|nil
---@param body string
---@param headers? string|table
function http.sendResponse(code, type, body, headers) end

---Sends the client elsewhere by a 302 without body. Blanks, controls and bytes beyond ASCII are
---percent-encoded; CR, LF and NUL are an error. A verdict: it does not return, no node is asked
---(or its response is dropped), and response rules do not run.
---@param url string
function http.redirect(url) end

---Sends the client to another site by a 301: host, host:port or scheme://host[:port][/prefix].
---Path and query stay, behind the prefix; scheme and port stay, too, but a scheme without a port
---drops the old port. It returns and does nothing if the request is there already. A verdict: it
---does not return, no node is asked (or its response is dropped), and response rules do not run.
---@param site string
function http.changeSite(site) end

---The first `count` bytes of the request's body, all without it or with 0; less if it has less.
---Chunks and the content codings gzip, deflate and br are undone; for another one, or a malformed
---one: `nil` and the reason. Waits until so much has come; more than `rules: {buffer}` is an
---error. The node gets the body as it was sent. In later rules: what was read of it before, `nil`
---when that is not enough.
---@param count? integer
---@return string|nil
---@return string|nil
function http.getBody(count) end

---The same as an array of lines, without their ends (LF or CRLF).
---@param count? integer
---@return string[]|nil
---@return string|nil
function http.getBodyLines(count) end

---Puts another body in the place of the request's, which may have had none. Content-Length is
---made to fit, Content-Encoding goes. Waits until what the client still sends has been read and
---thrown away.
---@param body string
function http.setBody(body) end

---The first `count` bytes of the response's body, all without it or with 0; less if it has less,
---"" if there is none (HEAD, 204, 304). Chunks and the content codings gzip, deflate and br are
---undone; for another one, or a malformed one: `nil` and the reason. Waits until so much has
---come; more than `rules: {buffer}` is an error. Without http.setResponseBody the client gets the
---body as the node sent it. In later rules: what was read of it before, `nil` when that is not
---enough.
---@param count? integer
---@return string|nil
---@return string|nil
function http.getResponseBody(count) end

---The same as an array of lines, without their ends (LF or CRLF).
---@param count? integer
---@return string[]|nil
---@return string|nil
function http.getResponseBodyLines(count) end

---Puts another body in the place of the response's. Content-Encoding goes; Content-Length is made
---to fit, or with "chunked" the body is sent in chunks where the client knows them. Where a
---response has no body (HEAD, 204, 304) none is sent. What the node still sends is dropped: its
---connection is used again only if all of that has come already, for instance because
---http.getResponseBody has read it.
---@param body string
---@param coding? string
function http.setResponseBody(body, coding) end

---The first value of a form parameter, or with a separator all of its values joined by it; `nil`
---when there is none. Parameters are those of the query and, in a POST, of an urlencoded or
---multipart body (but its files), which is waited for as by http.getBody; in later rules only if
---it was read before. "+" and %XX are decoded.
---@param name string
---@param separator? string
---@return string|nil
---@return string|nil
function http.getFormParam(name, separator) end

---All form parameters: name to first value. Parameters are those of the query and, in a POST, of
---an urlencoded or multipart body (but its files), which is waited for as by http.getBody; in
---later rules only if it was read before. "+" and %XX are decoded.
---@return table<string, string>|nil
---@return string|nil
function http.getFormParams() end

---The names of the form parameters, each once, in their order. Parameters are those of the query
---and, in a POST, of an urlencoded or multipart body (but its files), which is waited for as by
---http.getBody; in later rules only if it was read before. "+" and %XX are decoded.
---@return string[]|nil
---@return string|nil
function http.listFormParamNames() end

---Is there such a form parameter? Parameters are those of the query and, in a POST, of an
---urlencoded or multipart body (but its files), which is waited for as by http.getBody; in later
---rules only if it was read before. "+" and %XX are decoded.
---@param name string
---@return boolean|nil
---@return string|nil
function http.doesFormParamExist(name) end

---A part of a multipart body, by its number (1 is the first) or the name of its form field: its
---bytes, its Content-Type (`nil` without one) and its headers, names in lower case. `nil` and the
---reason when there is none. Waits for the body as http.getBody does; in later rules only if it
---was read before.
---@param part integer|string
---@return string|nil
---@return string|nil
---@return table<string, string>|nil
function http.getMultipartAttachment(part) end

http.stream = {}

---Begins an answer to the client that is written piece by piece; code and headers as in
---http.sendResponse. Without a length it is sent in chunks, or to an HTTP/1.0 client up to the
---end of the connection. No node is asked, or its response is dropped, but for what the rule
---reads of it. When all rules have run an answer that is not finished is.
---@param code integer|string
---@param type string|nil
---@param length? integer
---@param headers? string|table
function http.stream.startResponse(code, type, length, headers) end

---Adds to the answer. It leaves at the next wait or when 16 KiB are together; a client that does
---not take it makes the rule wait. More than the length that was announced is an error.
---@param data string
function http.stream.writeResponse(data) end

---Adds to the answer and ends it. Less than the length that was announced is an error. A verdict:
---it does not return, and response rules do not run.
---@param data? string
function http.stream.finishResponse(data) end

---Adds to the answer, and lets what is left of the node's body follow, its content coding undone.
---Only for an answer that announced no length. A verdict: it does not return.
---@param data? string
function http.stream.continueFromBackend(data) end

---Takes the next bytes of the node's body: `count` of them, at most `rules: {buffer}`, or up to
---and with the first delimiter if that comes earlier. Chunks and the content codings gzip,
---deflate and br are undone. What was read is gone from the response, so it has to be answered by
---http.stream.startResponse or http.setResponseBody. "" at its end; for a coding that cannot be
---undone `nil` and the reason.
---@param count integer
---@param delimiter? string
---@return string|nil
---@return string|nil
function http.stream.readResponse(count, delimiter) end

---The same, but up to the last delimiter in what has come: it waits until there is one, or
---`count` bytes. Chunks and the content codings gzip, deflate and br are undone. What was read is
---gone from the response, so it has to be answered by http.stream.startResponse or
---http.setResponseBody. "" at its end; for a coding that cannot be undone `nil` and the reason.
---@param count integer
---@param delimiter? string
---@return string|nil
---@return string|nil
function http.stream.readBulkResponse(count, delimiter) end

http.cache = {}

---The answer is not stored; in a request rule no stored one is looked for either.
function http.cache.disable() end

---In a request rule the web cache has its part, whatever `web_cache: {enabled}` of the virtual
---server or an earlier http.cache.disable say. In a response rule it takes back an
---http.cache.disable of a response rule. What may be stored the answer says (docs/caching.md).
---`false` and a warning in the log when it is too late: the request was not looked up, or rules
---have looked into the body.
---@return boolean
function http.cache.enable() end

---Is there a stored answer that could be given now? Of that pool, or of the one that the request
---goes to as things are: answers of different pools are kept apart. A pool that does not exist is
---an error.
---@param pool? string
---@return boolean
function http.cache.exists(pool) end

---Gives the stored answer of that pool, or of the one that the request goes to as things are. A
---verdict when there is one: it does not return, no node is asked; response rules run on the
---stored answer. Otherwise, and in response rules, it returns and does nothing. A pool that does
---not exist is an error.
---@param pool? string
function http.cache.respondIfCached(pool) end

---Stored answers with another key are not for this request, nor is its answer for those with
---another one: a group of users, a language. The last call counts; at most 4,096 bytes. A key set
---in a response rule alone is never found: request rules have to set the same. `false` and a
---warning in the log in a response rule when rules have looked into the body before.
---@param key string
---@return boolean
function http.cache.setkey(key) end

http.compress = {}

---The answer is to be compressed, whatever its type and whether or not the virtual server has
---`gzip: {enabled}`; its other keys hold. True if the client takes a coding of ours. What is
---compressed already, a part of a whole (206), has a digest or says no-transform stays as it is.
---Answers of http.sendResponse are not compressed, those of http.stream.startResponse are.
---@return boolean
function http.compress.enable() end

---The answer is not to be compressed. Of both functions the last call counts.
function http.compress.disable() end

request = {}

---The client's address; after request.setRemoteIP the one that was set.
---@return string
function request.getRemoteIP() end

---The client's port; 0 when its PROXY header says so.
---@return integer
function request.getRemotePort() end

---The address on this machine that accepted the connection.
---@return string
function request.getLocalIP() end

---The port on this machine that accepted the connection.
---@return integer
function request.getLocalPort() end

---The address that the client was headed for. It differs from request.getLocalIP only for a
---redirected connection, and where a PROXY header (`proxy_protocol`) says so.
---@return string
function request.getDestIP() end

---The port that the client was headed for.
---@return integer
function request.getDestPort() end

---Says who the client is: for this transaction's log line, for headers that name the client, and
---for the address that a transparent pool's nodes see (chosen before response rules run). The
---port stays. `false`, and a warning in the log, when it is no IPv4 or IPv6 address.
---@param ip string
---@return boolean
function request.setRemoteIP(ip) end

---What the PROXY header, version 2, with which the client's connection began brought along under
---this type (0 to 255), as bytes: 2 is the host name that the client asked for, 5 a unique number
---of the connection, 32 (0x20) what is known of its TLS. The first when there are several; nil
---when there is none, and without a header. In `weir test` it is nil unless the test answers it.
---@param type integer
---@return string|nil
function request.getProxyTLV(type) end

---How many bytes of this transaction the client has sent so far, as received; on HTTP that is
---head and body, and what may have come of a next request. Never waits.
---@return integer
function request.getLength() end

---Drops the node's answer and sends the request again: to the pool that pool.select chose, or to
---the same one, with a fresh choice of the node (see request.avoidNode). Request rules do not run
---again, response rules run on the new answer, from the first. A verdict: it does not return; but
---when the request is no longer whole (request.isResendable), or was sent again `rules:
---{max_retries: 10}` times already, it gives `false` and the rule goes on. Whether the request
---may be sent twice is the rule's to judge: request.setIdempotent does not matter here.
---@return boolean
function request.retry() end

---How often request.retry has sent the request again so far.
---@return integer
function request.getRetries() end

---Could the request be sent again? Not when part of its body has gone to a node without being
---kept, and not once an answer has begun to leave for the client.
---@return boolean
function request.isResendable() end

---The node, as "10.0.0.1:80" or "[fd00::1]:80", is not chosen for this request while its pool has
---another one that works, of whatever priority. What is no such text is an error; a node that the
---pool does not have changes nothing. At most 100 for one request, then `false` and a warning in
---the log.
---@param node string
---@return boolean
function request.avoidNode(node) end

---Says whether the request may be sent again, to the same node or another, when it is not known
---what became of it. Without this it is by the method: GET, HEAD, PUT, DELETE, OPTIONS and TRACE
---may.
---@param resend boolean
function request.setIdempotent(resend) end

---On how many nodes the request is tried, in place of the pool's `max_connection_attempts`: 0
---(every node) to 99,999. request.retry begins to count anew.
---@param most integer
function request.setMaxConnectionAttempts(most) end

---On how many nodes the request is tried while they do not reply in time, in place of the pool's
---`max_timed_out_connection_attempts`: 0 (every node) to 99,999.
---@param most integer
function request.setMaxTimedOutConnectionAttempts(most) end

---How long a node may take to reply, in place of the pool's `timeouts: {reply}`: 0.001 to 99,999
---seconds. In a response rule it is for what request.retry begins.
---@param seconds number
function request.setMaxReplyTime(seconds) end

---Closes the client's connection so many seconds from now, whatever goes on: an answer that is on
---its way is cut by a reset, one that has not begun never comes. Also between requests. At most
---99,999; 0 takes an earlier call back.
---@param seconds number
function request.setVirtualServerTimeout(seconds) end

---How long the whole transaction may take, in seconds; 0 is no limit.
---@return number
function request.getMaxTransactionDuration() end

---How long the whole transaction may take, from its beginning, in place of the virtual server's
---`timeouts: {transaction}`: up to 99,999 seconds; 0 is no limit.
---@param seconds number
function request.setMaxTransactionDuration(seconds) end

---The DSCP of what is sent to the node: what request.setDSCP said, or what its connection has;
---nil while there is none.
---@return integer|nil
function request.getDSCP() end

---Marks what is sent to the node for this request with these six bits (RFC 2474), 0 to 63. The
---first packet of a new connection may leave before it.
---@param dscp integer
function request.setDSCP(dscp) end

response = {}

---The DSCP of what is sent to the client; nil when the connection has gone.
---@return integer|nil
function response.getDSCP() end

---Marks what is sent to the client from now on, later answers of its connection too, with these
---six bits (RFC 2474), 0 to 63. `false` when the connection has gone.
---@param dscp integer
---@return boolean
function response.setDSCP(dscp) end

---The bandwidth class of what is written to the node; nil without one.
---@return string|nil
function request.getBandwidthClass() end

---The request is written to the node no faster than this class of `bandwidth_classes` allows, in
---place of the pool's; "" is none. In a response rule it is for what request.retry begins.
---`false` and a warning in the log when there is no such class.
---@param name string
---@return boolean
function request.setBandwidthClass(name) end

---The bandwidth class of what is written to the client; nil without one.
---@return string|nil
function response.getBandwidthClass() end

---The node's answer is written to the client no faster than this class of `bandwidth_classes`
---allows, in place of the virtual server's; "" is none. `false` and a warning in the log when
---there is no such class.
---@param name string
---@return boolean
function response.setBandwidthClass(name) end

requestlog = {}

---The transaction gets its line in the access log: takes requestlog.exclude back.
function requestlog.include() end

---The transaction gets no line in the access log; it is counted all the same.
function requestlog.exclude() end

---Will it get its line? Not with `log: {access: off}` either.
---@return boolean
function requestlog.markedForInclusion() end

recentconns = {}

---`weir recent` shows the transaction when it is over, unless the virtual server's
---`recent_connections: {enabled}` is off. The last of this and recentconns.exclude counts.
function recentconns.include() end

---`weir recent` does not show the transaction, also where the virtual server's
---`recent_connections: {save_all}` has it remember all.
function recentconns.exclude() end

---Will it be shown, as things are now?
---@return boolean
function recentconns.markedForInclusion() end

---The address of the node; the last one when several were tried; nil before one was chosen.
---@return string|nil
function response.getRemoteIP() end

---The port of the node; nil before one was chosen.
---@return integer|nil
function response.getRemotePort() end

---The address that the node sees: ours, or the client's when the pool is transparent. Nil when
---there was no connection to a node.
---@return string|nil
function response.getLocalIP() end

---The port that the node sees; nil when there was no connection to a node.
---@return integer|nil
function response.getLocalPort() end

---How many bytes the node has sent so far, as received: on HTTP head and body. Never waits.
---@return integer
function response.getLength() end

---for TCP and UDP; on HTTP write http.getBody(), http.getRequest() for the head. The first
---`count` bytes of the request; less if the client ends before. Without `count`, or with 0, what
---has come so far, maybe nothing. Waits for them, at most `timeouts: {connect}`; More than
---`rules: {buffer}` is an error. In response rules: what was read of it before. On UDP: of the
---session's first datagram, which is whole.
---@param count? integer
---@return string
function request.get(count) end

---for TCP and UDP; on HTTP write http.getBodyLines(). The line of the request from `offset` (by
---default 1) on, up to and with what matches the regular expression (PCRE2; by default the end of
---a line), and the offset of the next line. Waits for it. When no more will come, the rest; nil
---when there is none. More than `rules: {buffer}` is an error. In later rules: of what was read
---before.
---@param regex? string
---@param offset? integer
---@return string|nil
---@return integer
function request.getLine(regex, offset) end

---for TCP; on HTTP write nothing: the head says where a request ends. The request has so many
---bytes, and is given; what follows belongs to the next one, which waits until the node has begun
---to answer. Only a request of which the end is known can be sent to another node, and has to be
---answered within the pool's `timeouts: {reply}`. Waits for them, at most `timeouts: {connect}`;
---More than `rules: {buffer}` is an error.
---@param offset integer
---@return string
function request.endsAt(offset) end

---for TCP; on HTTP write nothing: the head says where a request ends. The same, but the request
---ends with the first match of the regular expression (PCRE2), or where the client ends.
---@param regex string
---@return string
function request.endsWith(regex) end

---for TCP and UDP; on HTTP write http.setBody(body). Puts other bytes in place of the request: of
---what has come of it so far, or of all of it where its end was said. On UDP: of the first
---datagram, at most 65,507 bytes.
---@param data string
function request.set(data) end

---for TCP and UDP; on HTTP write http.setBody(body). Drops the first bytes of the request. Waits
---for them, at most `timeouts: {connect}`; More than `rules: {buffer}` is an error.
---@param count integer
function request.skip(count) end

---for TCP and UDP; on HTTP write http.sendResponse(code, type, body, headers). Answers the
---request with these bytes when all request rules have run; nothing of it goes to a node. A
---session in turns goes on with the client's next bytes, another one ends. On UDP: with one
---datagram, of at most 65,507 bytes.
---@param data string
function request.sendResponse(data) end

---for TCP and UDP; on HTTP write http.getResponseBody(), http.getResponse() for the head. The
---first `count` bytes of the response; less if the node ends before. Without `count`, or with 0,
---what has come so far: there is no other sign of its end. Waits for them. On UDP: of the first
---answer, which is whole. More than `rules: {buffer}` is an error.
---@param count? integer
---@return string
function response.get(count) end

---for TCP and UDP; on HTTP write http.getResponseBodyLines(). The line of the response from
---`offset` (by default 1) on, up to and with what matches the regular expression (PCRE2; by
---default the end of a line), and the offset of the next line. Waits for it. When no more will
---come, the rest; nil when there is none. More than `rules: {buffer}` is an error.
---@param regex? string
---@param offset? integer
---@return string|nil
---@return integer
function response.getLine(regex, offset) end

---for TCP and UDP; on HTTP write http.setResponseBody(body). Puts other bytes in place of what
---has come of the response so far. On UDP: of the first answer, at most 65,507 bytes.
---@param data string
function response.set(data) end

---for TCP and UDP; on HTTP write http.setResponseBody(body). Adds bytes behind what has come of
---the response so far. On UDP: to the first answer.
---@param data string
function response.append(data) end

---for TCP; on HTTP write http.stream.writeResponse(data). Sends the first `count` bytes of the
---response to the client now, by default all that have come, and waits until it has taken them.
---The response begins behind them then.
---@param count? integer
function response.flush(count) end

---for TCP; on HTTP write nothing: weir ends a node's connection when the answer says so. Ends the
---node's connection; what has come of the response goes to the client. A session in turns gets
---another connection with the client's next request, another one ends.
function response.close() end

connection = {}

---Drops the connection without an answer. A verdict: it does not return.
function connection.discard() end

---Sends the bytes as they are in place of an answer, then closes. What the client is still
---sending is read and thrown away for a while, so that the bytes reach it whatever `read` says. A
---verdict: it does not return.
---@param data string
---@param read? boolean
function connection.close(data, read) end

---Waits; other transactions go on meanwhile. At most a day, and `rules: {wall_time}` ends it
---earlier.
---@param milliseconds integer
function connection.sleep(milliseconds) end

---The node, as "10.0.0.1:80" or "[fd00::1]:80"; nil before one was chosen.
---@return string|nil
function connection.getNode() end

---The name of the pool; nil before one was chosen: the default pool is chosen after the last
---request rule.
---@return string|nil
function connection.getPool() end

---The name of the virtual server.
---@return string
function connection.getVirtualServer() end

---Would the pool (by default the chosen one) take a transaction at once? `false` when it would
---wait, because others wait for it already or every node that could be used has as much as
---`max_connections_per_node` and `max_transactions_per_node` allow, this transaction included if
---it has one of them. An unknown pool is an error.
---@param pool? string
---@return boolean
function connection.checkLimits(pool) end

---Bytes that are held for the connection and this transaction: what came and has not gone on, and
---what was made for it.
---@return integer
function connection.getMemoryUsage() end

connection.data = {}

---The value that connection.data.set gave to the key, or nil.
---@param key string
---@return any
function connection.data.get(key) end

---Keeps a value, a table too, for as long as the client's connection lives: for later rules and
---later requests of it. Nil removes the key. A connection has at most 1,000 keys of up to 1,024
---bytes; its keys and strings are at most `rules: {memory}`, and all that rules of a worker hold
---is at most `data: {kept_size}`. More than that gives `false` and a warning in the log.
---@param key string
---@param value any
---@return boolean
function connection.data.set(key, value) end

---This class of `persistence_classes` holds for this transaction, in place of its pool's; without
---a name it is the pool's again. `false` and a warning in the log when there is no such class. In
---a response rule it is for what request.retry begins.
---@param class? string
---@return boolean
function connection.setPersistence(class) end

---The persistence class in force: what a rule set, or that of the pool to which the transaction
---goes as things stand; nil without one.
---@return string|nil
function connection.getPersistence() end

---The key that tells the session, for a class of type universal: transactions with the same key
---and class go to the same node. "" removes it. Classes of other types ignore it. It holds for
---this transaction. In a response rule it is for what request.retry begins.
---@param key string
function connection.setPersistenceKey(key) end

---The node of the session, for a class of type named: "10.0.0.1:80", "[fd00::1]:80", or an
---address without port. Where the pool has no node with that port, it is one with the address,
---always the same; where it has none of these either, the class's `failure_mode` says what
---follows. "" removes it. Classes of other types ignore it. It holds for this transaction. A text
---that is no address is an error. In a response rule it is for what request.retry begins.
---@param node string
function connection.setPersistenceNode(node) end

pool = {}

---Chooses the pool and ends request rules. An unknown pool is an error. With host (an IP address)
---and port the request goes to exactly that address, which need not be in the pool: the pool
---lends its settings. "discard" drops the connection. A verdict: it does not return.
---@param name string
---@param host? string
---@param port? integer
function pool.use(name, host, port) end

---Chooses the pool and goes on: what follows may choose again. In a response rule it says where
---request.retry sends the request, and without one it says nothing. An unknown pool is an error.
---With host (an IP address) and port the request goes to exactly that address, which need not be
---in the pool: the pool lends its settings. "discard" drops the connection.
---@param name string
---@param host? string
---@param port? integer
function pool.select(name, host, port) end

---How many nodes of the pool are in use: not draining, disabled or failed.
---@param pool string
---@return integer
function pool.activenodes(pool) end

---How many nodes of the pool are draining (and have not failed).
---@param pool string
---@return integer
function pool.drainingnodes(pool) end

---How many nodes of the pool are disabled.
---@param pool string
---@return integer
function pool.disablednodes(pool) end

---How many nodes of the pool have failed and have not been seen well since (disabled ones do not
---count).
---@param pool string
---@return integer
function pool.failednodes(pool) end

---All nodes of the pool in the order of the configuration, as "10.0.0.1:80" or "[fd00::1]:80".
---@param pool string
---@return string[]
function pool.listallnodes(pool) end

---The nodes that pool.activenodes counts.
---@param pool string
---@return string[]
function pool.listactivenodes(pool) end

---The nodes that pool.drainingnodes counts.
---@param pool string
---@return string[]
function pool.listdrainingnodes(pool) end

---The nodes that pool.disablednodes counts.
---@param pool string
---@return string[]
function pool.listdisablednodes(pool) end

---The nodes that pool.failednodes counts.
---@param pool string
---@return string[]
function pool.listfailednodes(pool) end

---"ACTIVE", "DRAINING", "DISABLED" or "DEAD"; "NOTINPOOL" for another address, "NOSUCHHOST" when
---the host is no IP address, "NOSUCHPOOL" for an unknown pool.
---@param pool string
---@param host string
---@param port integer
---@return string
function pool.checknode(pool, host, port) end

log = {}

---Writes one line to the log at level info, with the rule's name and line. Control characters are
---escaped. A rule may write `log: {rule_rate: 100}` lines a second in each worker; how many were
---left out is logged.
---@param message string
function log.info(message) end

---As log.info, at level warn.
---@param message string
function log.warn(message) end

---As log.info, at level error.
---@param message string
function log.error(message) end

event = {}

---Tells those who watch the log of something that happened: one line "event 'NAME': MESSAGE", as
---log.info writes it. A name has 1 to 100 bytes, no "/" and no controls, or it is an error.
---@param name string
---@param message string
function event.emit(name, message) end

rule = {}

---The name of the rule that is running, as in the configuration.
---@return string
function rule.getName() end

---The phase it runs in: "REQUEST", "RESPONSE" or "COMPLETION".
---@return string
function rule.getState() end

---Is the text anywhere in `s`? Every string contains "".
---@param s string
---@param part string
---@return boolean
function string.contains(s, part) end

---As string.contains; the case of ASCII letters does not count.
---@param s string
---@param part string
---@return boolean
function string.containsI(s, part) end

---Does `s` begin with the text?
---@param s string
---@param part string
---@return boolean
function string.startsWith(s, part) end

---As string.startsWith; the case of ASCII letters does not count.
---@param s string
---@param part string
---@return boolean
function string.startsWithI(s, part) end

---Does `s` end with the text?
---@param s string
---@param part string
---@return boolean
function string.endsWith(s, part) end

---As string.endsWith; the case of ASCII letters does not count.
---@param s string
---@param part string
---@return boolean
function string.endsWithI(s, part) end

---Compares byte by byte; the case of ASCII letters does not count: -1 when `a` comes first, 0
---when they are equal, 1 when `b` comes first.
---@param a string
---@param b string
---@return integer
function string.icmp(a, b) end

---Where the text is, as `s:find(part, init, true)`, but the case of ASCII letters does not count.
---@param s string
---@param part string
---@param init? integer
---@return integer|nil first
---@return integer|nil last
function string.findI(s, part, init) end

---Where the text is for the last time. With `init` only `s:sub(1, init)` is looked at.
---@param s string
---@param part string
---@param init? integer
---@return integer|nil first
---@return integer|nil last
function string.findr(s, part, init) end

---How often the text is in `s`, from position `init` on; occurrences do not overlap.
---@param s string
---@param part string
---@param init? integer
---@return integer
function string.count(s, part, init) end

---`s` with `new` in place of the text's first occurrence. No character is special.
---@param s string
---@param part string
---@param new string
---@return string
function string.replace(s, part, new) end

---As string.replace; the case of ASCII letters does not count.
---@param s string
---@param part string
---@param new string
---@return string
function string.replaceI(s, part, new) end

---As string.replace, but every occurrence.
---@param s string
---@param part string
---@param new string
---@return string
function string.replaceAll(s, part, new) end

---As string.replaceAll; the case of ASCII letters does not count.
---@param s string
---@param part string
---@param new string
---@return string
function string.replaceAllI(s, part, new) end

---`s` with `part` put before that position; `#s + 1` appends.
---@param s string
---@param part string
---@param position integer
---@return string
function string.insertBytes(s, part, position) end

---`s` with `part` over what is there from that position on; it may go beyond the end.
---@param s string
---@param part string
---@param position integer
---@return string
function string.replaceBytes(s, part, position) end

---`s` without white space at either end.
---@param s string
---@return string
function string.trim(s) end

---The pieces of `s` between separators (a blank, unless given), empty ones too.
---@param s string
---@param separator? string
---@return string[]
function string.split(s, separator) end

---Does the whole of `s` match? `*` stands for any bytes, `?` for any one byte; case counts.
---@param s string
---@param pattern string
---@return boolean
function string.wildmatch(s, pattern) end

---Is the address in the block? The block is "10.0.0.0/8", "10.0.0.0/255.0.0.0", "10.0.1.",
---"fd00::/8" or one address; anything else is an error. `false` when `ip` is no address; an
---IPv4-mapped one is looked for as IPv4, too.
---@param ip string
---@param block string
---@return boolean
function string.ipmaskmatch(ip, block) end

---4 or 6 when `s` is an address of that version, else nil.
---@param s string
---@return 4|6|nil
function string.validIPAddress(s) end

---The address in its one usual spelling (RFC 5952), so that equal addresses are equal strings;
---nil and a reason when it is none.
---@param ip string
---@return string|nil
---@return string|nil reason
function string.normalizeIPAddress(ip) end

---The address as 4 or 16 bytes in network order; nil and a reason when it is none.
---@param ip string
---@return string|nil
---@return string|nil reason
function string.dottedToBytes(ip) end

---The address that 4 or 16 bytes in network order are; nil and a reason for another length.
---@param bytes string
---@return string|nil
---@return string|nil reason
function string.bytesToDotted(bytes) end

---The host of "host", "host:port", "[address]" or "[address]:port", without brackets; nil when
---there is none.
---@param s string
---@return string|nil
function string.extractHost(s) end

---The port of "host:port" or "[address]:port"; nil without one from 1 to 65535.
---@param s string
---@return integer|nil
function string.extractPort(s) end

---Every byte but letters, digits and `-._~` becomes %XX (a blank %20).
---@param s string
---@return string
function string.urlencode(s) end

---As string.urlencode, but what separates the parts of a URL stays: `:/?#[]@!$&'()*+,;=`.
---@param s string
---@return string
function string.urlencodeexceptreserved(s) end

---Bytes up to 0x20, 0x7f and above, and `%` become %XX.
---@param s string
---@return string
function string.escape(s) end

---Every %XX becomes its byte; a `%` without two hexadecimal digits stays, and so does `+`.
---@param s string
---@return string
function string.unescape(s) end

---`& < > " '` become `&amp; &lt; &gt; &quot; &#39;`.
---@param s string
---@return string
function string.htmlencode(s) end

---Undoes string.htmlencode; `&apos;` and numeric references (as UTF-8), too. Others stay.
---@param s string
---@return string
function string.htmldecode(s) end

---Two hexadecimal digits for each byte, in lower case.
---@param s string
---@return string
function string.hexencode(s) end

---The bytes that pairs of hexadecimal digits stand for; nil and a reason for anything else.
---@param s string
---@return string|nil
---@return string|nil reason
function string.hexdecode(s) end

---Base64 with padding, without line ends (RFC 4648 4).
---@param s string
---@return string
function string.base64encode(s) end

---Undoes base64 (RFC 4648 4); padding may be left out. Nil and a reason for anything else.
---@param s string
---@return string|nil
---@return string|nil reason
function string.base64decode(s) end

---A backslash before every ASCII character that is no letter, digit or `_`: a regular expression
---then means the text itself.
---@param s string
---@return string
function string.regexescape(s) end

---The number that 1 to 6 bytes in network order are, without a sign; nil and a reason for another
---length.
---@param bytes string
---@return integer|nil
---@return string|nil reason
function string.bytesToInt(bytes) end

---The number in network order in `width` bytes: 1 to 6, 4 unless given. A number that does not
---fit is an error.
---@param number integer
---@param width? integer
---@return string
function string.intToBytes(number, width) end

---The number that the contents of a BER INTEGER are (no tag, no length; X.690 8.3); nil and a
---reason when they are none, or beyond 2^53.
---@param bytes string
---@return integer|nil
---@return string|nil reason
function string.BERToInt(bytes) end

---The contents of the BER INTEGER, without tag and length.
---@param number integer
---@return string
function string.intToBER(number) end

---The number that hexadecimal digits are, with or without 0x; nil and a reason for anything else,
---and beyond 2^53.
---@param digits string
---@return integer|nil
---@return string|nil reason
function string.hexToInt(digits) end

---The number in hexadecimal, in lower case, without 0x.
---@param number integer
---@return string
function string.intToHex(number) end

string.gmtime = {}

---Seconds since 1970 of a date in one of the three forms of RFC 9110 5.6.7, else nil.
---@param date string
---@return integer|nil
function string.gmtime.parse(date) end

---The MD5 hash as raw bytes; string.hexencode makes it readable.
---@param s string
---@return string
function string.hashMD5(s) end

---The SHA1 hash as raw bytes; string.hexencode makes it readable.
---@param s string
---@return string
function string.hashSHA1(s) end

---The SHA256 hash as raw bytes; string.hexencode makes it readable.
---@param s string
---@return string
function string.hashSHA256(s) end

---The SHA384 hash as raw bytes; string.hexencode makes it readable.
---@param s string
---@return string
function string.hashSHA384(s) end

---The SHA512 hash as raw bytes; string.hexencode makes it readable.
---@param s string
---@return string
function string.hashSHA512(s) end

---The message authentication code HMAC-SHA1 (RFC 2104) as raw bytes.
---@param s string
---@param key string
---@return string
function string.hmacSHA1(s, key) end

---The message authentication code HMAC-SHA256 (RFC 2104) as raw bytes.
---@param s string
---@param key string
---@return string
function string.hmacSHA256(s, key) end

---The message authentication code HMAC-SHA384 (RFC 2104) as raw bytes.
---@param s string
---@param key string
---@return string
function string.hmacSHA384(s, key) end

---The message authentication code HMAC-SHA512 (RFC 2104) as raw bytes.
---@param s string
---@param key string
---@return string
function string.hmacSHA512(s, key) end

---Up to 65,536 bytes that nobody can foresee.
---@param length integer
---@return string
function string.randomBytes(length) end

net.dns = {}

---Waits for the IPv4 address of a host name, the first when there are several: of /etc/hosts, or
---of the servers of `dns: {servers}`. Answers are kept for their time to live. An address is its
---own answer. Nil and a reason without one, and when `dns: {timeout}` is over.
---@param name string
---@return string|nil
---@return string|nil reason
function net.dns.resolveHost(name) end

---The same for the IPv6 address.
---@param name string
---@return string|nil
---@return string|nil reason
function net.dns.resolveHost6(name) end

---Waits for the name of an address; the address itself when it has none. Nil and a reason for
---what is no address, and when no server answers in time.
---@param ip string
---@return string|nil
---@return string|nil reason
function net.dns.resolveIP(ip) end

tcp = {}

---Connects to an address, within 30,000 milliseconds by default, and gives a socket; nil and a
---reason when that fails. A client's connection has at most 16 sockets at a time, and they are
---closed with it. Weir's own listeners are not connected to.
---@param ip string
---@param port integer
---@param milliseconds? integer
---@return integer|nil socket
---@return string|nil reason
function tcp.connect(ip, port, milliseconds) end

---Waits until something has come and gives it, up to `max` bytes (a mebibyte at most). Nil and
---`"closed"` when the other side has ended, nil and a reason when the connection broke or, after
---30,000 milliseconds by default, the time is over; the socket can still be used then.
---@param socket integer
---@param max integer
---@param milliseconds? integer
---@return string|nil data
---@return string|nil reason
function tcp.read(socket, max, milliseconds) end

---Writes all of the data and gives the number of bytes. Nil and a reason when the connection
---broke or, after 30,000 milliseconds by default, the time is over; the socket is closed then.
---@param socket integer
---@param data string
---@param milliseconds? integer
---@return integer|nil written
---@return string|nil reason
function tcp.write(socket, data, milliseconds) end

---Closes a socket; false and a warning in the log when there is none of that number.
---@param socket integer
---@return boolean
function tcp.close(socket) end

json = {}

---The value as JSON text (RFC 8259), without white space. Tables with the keys 1 to n are arrays,
---those with names are objects, in no certain order; other keys are an error, as are functions,
---numbers that are not finite, a table in itself, more than 100 tables in each other and more
---than 1,000,000 entries. An empty table is `{}` unless json.array or json.deserialize made it.
---What is no UTF-8 in a string becomes U+FFFD. Whole numbers up to 2^53 are written without
---exponent, others so that they read back the same.
---@param value any
---@return string
function json.serialize(value) end

---The value that the JSON text is; nil and a reason when it is none. Strict: one value, valid
---UTF-8, no name twice in an object, at most 100 arrays and objects in each other. Null is
---json.null. Every number is a double: whole ones are exact up to 2^53, one out of range is
---refused. An array stays one for json.serialize, even when it is or becomes empty.
---@param text string
---@return any
---@return string|nil reason
function json.deserialize(text) end

---Marks the table, which has no metatable yet, as an array and returns it: so that json.serialize
---writes `[]` when it is empty.
---@param items table
---@return table
function json.array(items) end

---JSON's null. Not called, but compared and set: `value == json.null`, `t.name = json.null`.
---@return nil
function json.null() end

jwt = {}

---The claims and the header of a signed token (RFC 7519, at most 65,536 bytes) whose signature is
---right and whose time is now; nil and a reason for any other. `options.algorithms` names those
---that are allowed: HS256, HS384 and HS512 (the key is a secret), RS256, RS384 and RS512 (a
---public key or certificate in PEM, RSA of 2,048 to 8,192 bits), ES256, ES384 and ES512 (one on
---the curve P-256, P-384 or P-521). A key of another kind fits none, also PEM as a secret. `exp`,
---`nbf` and `iat` are checked where they are there, give or take `options.leeway` seconds (0).
---With `options.issuer` or `options.audience` (text, or an array of which one will do) these must
---be there, too; without, they are not looked at. A header with `crit` is refused, as is a name
---twice in an object.
---@param token string
---@param key string
---@param options table
---@return table|nil claims
---@return table|string header_or_reason
function jwt.verify(token, key, options) end

---The header of a token, of which nothing has been verified: to choose the key by its `kid`. nil
---and a reason when it is no token.
---@param token string
---@return table|nil
---@return string|nil reason
function jwt.parseheader(token) end

resource = {}

---Is there a file of that name in `resources_dir`? Its files are read when weir starts: plain
---files without subfolders, at most 64 MiB together.
---@param name string
---@return boolean
function resource.exists(name) end

---The contents of the file; nil and a reason, and a warning in the log, when there is none.
---@param name string
---@return string|nil
---@return string|nil reason
function resource.get(name) end

---Its lines, without what ends them (LF or CRLF); as resource.get when there is none.
---@param name string
---@return string[]|nil
---@return string|nil reason
function resource.getLines(name) end

---The MD5 hash of its contents as raw bytes; as resource.get when there is none.
---@param name string
---@return string|nil
---@return string|nil reason
function resource.getMD5(name) end

---When it was last changed before it was read, in seconds since 1970; as resource.get when there
---is none.
---@param name string
---@return integer|nil
---@return string|nil reason
function resource.getMTime(name) end

geo = {}

---The country where the address is, in English, by the database that `geo: {database}` names. nil
---and a reason for what is no address, for one that it does not know, and without a database (a
---warning in the log says so).
---@param ip string
---@return string|nil
---@return string|nil reason
function geo.getCountry(ip) end

---Its code of two letters (ISO 3166-1); nil as geo.getCountry.
---@param ip string
---@return string|nil
---@return string|nil reason
function geo.getCountryCode(ip) end

---The largest part of the country where the address is; nil as geo.getCountry.
---@param ip string
---@return string|nil
---@return string|nil reason
function geo.getRegion(ip) end

---Its code (ISO 3166-2, without the country); nil as geo.getCountry.
---@param ip string
---@return string|nil
---@return string|nil reason
function geo.getRegionCode(ip) end

---The city where the address is; nil as geo.getCountry.
---@param ip string
---@return string|nil
---@return string|nil reason
function geo.getCity(ip) end

---Its latitude in degrees, north positive; nil as geo.getCountry.
---@param ip string
---@return number|nil
---@return string|nil reason
function geo.getLatitude(ip) end

---Its longitude in degrees, east positive; nil as geo.getCountry.
---@param ip string
---@return number|nil
---@return string|nil reason
function geo.getLongitude(ip) end

---Kilometres between two positions in degrees, on the ground.
---@param latitude1 number
---@param longitude1 number
---@param latitude2 number
---@param longitude2 number
---@return number
function geo.getDistanceKM(latitude1, longitude1, latitude2, longitude2) end

---As geo.getDistanceKM, in miles of 1.609344 km.
---@param latitude1 number
---@param longitude1 number
---@param latitude2 number
---@param longitude2 number
---@return number
function geo.getDistanceMiles(latitude1, longitude1, latitude2, longitude2) end

---Kilometres between two addresses; nil as geo.getCountry.
---@param ip1 string
---@param ip2 string
---@return number|nil
---@return string|nil reason
function geo.getIPDistanceKM(ip1, ip2) end

---As geo.getIPDistanceKM, in miles.
---@param ip1 string
---@param ip2 string
---@return number|nil
---@return string|nil reason
function geo.getIPDistanceMiles(ip1, ip2) end

---Does the regular expression (PCRE2, at most 16 KiB) match somewhere in `s`? true and what each
---group took, nil for one that took no part; or false. Flags: i the case of letters does not
---count, m `^` and `$` stand at every line, s `.` is a newline, too, x blanks and comments in the
---expression do not count, u UTF-8 (bytes otherwise; what is no UTF-8 matches nothing). A match
---of more than 4,000,000 steps is an error. Compiled expressions are kept.
---@param s string
---@param re string
---@param flags? string
---@return boolean
---@return ... string|nil
function string.regexmatch(s, re, flags) end

---`s` with `new` in place of the first match, or with flag g of all, and how many there were. In
---`new` `$1` or `${1}` and `${name}` are what a group took (nothing for one that took no part),
---`$0` is the whole match, `$$` a dollar. Flags and limits as in string.regexmatch.
---@param s string
---@param re string
---@param new string
---@param flags? string
---@return string
---@return integer count
function string.regexsub(s, re, new, flags) end

---`s` encrypted and sealed with AES-256-GCM, as raw bytes, 45 longer than `s`; never twice the
---same. The key comes from the passphrase (1 to 1,024 bytes) by PBKDF2 with 10,000 rounds, so let
---it be long and random: string.randomBytes(32) once, kept in a file. Replays are not noticed:
---put a time into `s`.
---@param s string
---@param passphrase string
---@return string
function string.encrypt(s, passphrase) end

---What string.encrypt was given; nil and a reason when `s` was tampered with or the passphrase is
---another.
---@param s string
---@param passphrase string
---@return string|nil
---@return string|nil reason
function string.decrypt(s, passphrase) end

sys = {}

---Seconds since 1970.
---@return integer
function sys.time() end

sys.time = {}

---Seconds since 1970 with their fraction, to the microsecond.
---@return number
function sys.time.highres() end

---The hour, 0 to 23, of now or of `time` (seconds since 1970), local time.
---@param time? number
---@return integer
function sys.time.hour(time) end

---The minute, 0 to 59; as sys.time.hour.
---@param time? number
---@return integer
function sys.time.minutes(time) end

---The second, 0 to 60; as sys.time.hour.
---@param time? number
---@return integer
function sys.time.seconds(time) end

---The day of the week, 1 (Sunday) to 7; as sys.time.hour.
---@param time? number
---@return integer
function sys.time.weekday(time) end

---The month, 1 to 12; as sys.time.hour.
---@param time? number
---@return integer
function sys.time.month(time) end

---The day of the month, 1 to 31; as sys.time.hour.
---@param time? number
---@return integer
function sys.time.monthday(time) end

---The year, as 2026; as sys.time.hour.
---@param time? number
---@return integer
function sys.time.year(time) end

---The day of the year, 1 to 366; as sys.time.hour.
---@param time? number
---@return integer
function sys.time.yearday(time) end

---Seconds since 1970 as a date of RFC 9110 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT".
---@param time number
---@return string
function sys.timeToString(time) end

sys.localtime = {}

---Now, or `time` (seconds since 1970), in local time, by a format as of strftime(3).
---@param format string
---@param time? number
---@return string
function sys.localtime.format(format, time) end

sys.gmtime = {}

---As sys.localtime.format, in UTC.
---@param format string
---@param time? number
---@return string
function sys.gmtime.format(format, time) end

---The name of this machine.
---@return string
function sys.hostname() end

---What stands behind the first dot of this machine's name, else its NIS domain, else nil.
---@return string|nil
function sys.domainname() end

---The number of the worker's process.
---@return integer
function sys.getpid() end

ssl = {}

---Is the client's connection encrypted? Virtual servers do not end TLS, so it is always `false`:
---also where TLS is passed on to the node.
---@return boolean
function ssl.isSSL() end

---The name of the server that a client of TLS asks for (SNI, RFC 6066), in lower case and without
---a dot behind it; nil when it names none. On TCP a request rule waits for the client's hello, at
---most 64 KiB in any pieces and records, within `timeouts: {connect}`; it goes on to the node as
---it came. Something else than a hello gives nil at once. Later turns and later rules are told
---what was read then.
---@return string|nil
function ssl.getTLSServerName() end

---The protocols that a client of TLS offers (ALPN, RFC 7301), in its order; an empty table when
---it offers none. On TCP a request rule waits for the client's hello, at most 64 KiB in any
---pieces and records, within `timeouts: {connect}`; it goes on to the node as it came. Something
---else than a hello gives nil at once. Later turns and later rules are told what was read then.
---@return string[]|nil
function ssl.getALPN() end

data = {}

---The value, as it was set by any worker; nil when there is none, or its time is over.
---@param key string
---@return string|number|boolean|table|nil
function data.get(key) end

---Sets the value by any worker, for `ttl` seconds or for good. Tables may hold strings, numbers,
---booleans and tables; they are copied. A key has at most 1,024 bytes. False and a warning when
---all of `data: {size}` is in use: the old value stays.
---@param key string
---@param value string|number|boolean|table
---@param ttl? number
---@return boolean
function data.set(key, value, ttl) end

---As data.set, but only if there is no value; false if there is one.
---@param key string
---@param value string|number|boolean|table
---@param ttl? number
---@return boolean
function data.add(key, value, ttl) end

---Adds to a number, 1 without `by`, and gives the new one. A key without a value begins at 0, and
---only then `ttl` (seconds) counts: a counter expires that long after its beginning. Nil and the
---reason, with a warning, when the value is no number or there is no room.
---@param key string
---@param by? number
---@param ttl? number
---@return number|nil
---@return string|nil
function data.increment(key, by, ttl) end

---As data.set, but only if the value is `old`; nil: if there is none. Tables are the same when
---all in them is.
---@param key string
---@param old string|number|boolean|table|nil
---@param new string|number|boolean|table
---@param ttl? number
---@return boolean
function data.compareAndSet(key, old, new, ttl) end

---The keys that begin with the prefix, at most `limit`, in no certain order. Its cost grows with
---`data: {size}`.
---@param prefix? string
---@param limit? integer
---@return string[]
function data.list(prefix, limit) end

---Removes the value; false when there was none.
---@param key string
---@return boolean
function data.remove(key) end

---Removes all values whose keys begin with the prefix; all there are without one. Its cost grows
---with `data: {size}`.
---@param prefix? string
function data.reset(prefix) end

---Bytes that the values take, their keys and what keeps them together.
---@return integer
function data.getMemoryUsage() end

---Bytes that are left.
---@return integer
function data.getMemoryFree() end

data.local_ = {}

---The value, as it was set in this worker; nil when there is none, or its time is over.
---@param key string
---@return string|number|boolean|table|nil
function data.local_.get(key) end

---Sets the value in this worker, for `ttl` seconds or for good. Tables may hold strings, numbers,
---booleans and tables; they are copied. A key has at most 1,024 bytes. False and a warning when
---all of `data: {local_size}` is in use: the old value stays.
---@param key string
---@param value string|number|boolean|table
---@param ttl? number
---@return boolean
function data.local_.set(key, value, ttl) end

---As data.local_.set, but only if there is no value; false if there is one.
---@param key string
---@param value string|number|boolean|table
---@param ttl? number
---@return boolean
function data.local_.add(key, value, ttl) end

---Adds to a number, 1 without `by`, and gives the new one. A key without a value begins at 0, and
---only then `ttl` (seconds) counts: a counter expires that long after its beginning. Nil and the
---reason, with a warning, when the value is no number or there is no room.
---@param key string
---@param by? number
---@param ttl? number
---@return number|nil
---@return string|nil
function data.local_.increment(key, by, ttl) end

---As data.local_.set, but only if the value is `old`; nil: if there is none. Tables are the same
---when all in them is.
---@param key string
---@param old string|number|boolean|table|nil
---@param new string|number|boolean|table
---@param ttl? number
---@return boolean
function data.local_.compareAndSet(key, old, new, ttl) end

---The keys that begin with the prefix, at most `limit`, in no certain order. Its cost grows with
---`data: {local_size}`.
---@param prefix? string
---@param limit? integer
---@return string[]
function data.local_.list(prefix, limit) end

---Removes the value; false when there was none.
---@param key string
---@return boolean
function data.local_.remove(key) end

---Removes all values whose keys begin with the prefix; all there are without one. Its cost grows
---with `data: {local_size}`.
---@param prefix? string
function data.local_.reset(prefix) end

---Bytes that the values take, their keys and what keeps them together.
---@return integer
function data.local_.getMemoryUsage() end

---Bytes that are left.
---@return integer
function data.local_.getMemoryFree() end

rate = {}

---Waits, in order of arrival, until the class lets one more pass, then gives true. The limits
---hold for all workers together. Nil and the reason when `max_queue` of this worker wait for the
---class already. Each context (a user, an address, a URL) has limits and a queue of its own. Nil
---and the reason, with a warning, for a class that `rate_classes` does not have.
---@param class string
---@param context? string
---@return boolean|nil
---@return string|nil
function rate.use(class, context) end

rate.use = {}

---True within the limits, and counted; false beyond them, and not counted. Never waits. Each
---context (a user, an address, a URL) has limits and a queue of its own. Nil and the reason, with
---a warning, for a class that `rate_classes` does not have.
---@param class string
---@param context? string
---@return boolean|nil
---@return string|nil
function rate.use.noQueue(class, context) end

---How many wait, in all workers. Each context (a user, an address, a URL) has limits and a queue
---of its own. Nil and the reason, with a warning, for a class that `rate_classes` does not have.
---@param class string
---@param context? string
---@return integer|nil
---@return string|nil
function rate.getbacklog(class, context) end

counter = {}

---Adds to user counter 1 to 10, 1 without `amount`. It has 32 bits and begins again at 0 behind
---them. `weir status` shows it; data.increment is for numbers that rules read.
---@param counter integer
---@param amount? integer
function counter.increment(counter, amount) end

counter64 = {}

---The same with 10 other counters of 64 bits.
---@param counter integer
---@param amount? integer
function counter64.increment(counter, amount) end

slm = {}

---How many of a hundred answers of the last 10 seconds came within the class's `response_time`,
---in all workers together: from when the request's head was here to the first byte to the client.
---100 when there was no answer, and without a class. Without a name: the connection's class. Nil
---and the reason, with a warning, for a class that `slm_classes` does not have.
---@param class? string
---@return number|nil
---@return string|nil
function slm.conforming(class) end

---Is slm.conforming above the class's `serious_threshold`? True without a class. Without a name:
---the connection's class. Nil and the reason, with a warning, for a class that `slm_classes` does
---not have.
---@param class? string
---@return boolean|nil
---@return string|nil
function slm.isOK(class) end

---The class's `serious_threshold`; 0 without a class. Without a name: the connection's class. Nil
---and the reason, with a warning, for a class that `slm_classes` does not have.
---@param class? string
---@return integer|nil
---@return string|nil
function slm.threshold(class) end

---The connection belongs to this class: its answers count there, from this one on if it has not
---begun. False and a warning for a class that `slm_classes` does not have.
---@param class string
---@return boolean
function connection.setServiceLevelClass(class) end

---The class that the virtual server's `slm_class` or a rule gave the connection; nil without one.
---@return string|nil
function connection.getServiceLevelClass() end

stats = {}

---Milliseconds from the end of the request rules to the attempt to reach the last node; 0 before.
---@return integer
function stats.getQueueTime() end

---Milliseconds from when the node had the request (its head, when there is a body) to the whole
---head of its answer; 0 without an answer.
---@return integer
function stats.getServerResponseTime() end

---Milliseconds since the transaction began, with the first byte of the request.
---@return integer
function stats.getTransactionDuration() end

http.request = {}

---Asks an http or https URL and waits for the whole answer: body, status, content type or nil,
---header lines, status line; nil and a reason when there is none within `timeout` seconds (30).
---Headers are as in http.sendResponse. Redirections are not followed, content codings not undone;
---the body has at most `rules: {buffer}` bytes. Certificates are verified unless `{verify =
---false}` is the last argument. Connections are kept and used again. A request that was itself
---led to by four requests of rules is not made.
---@param url string
---@param headers? string|table
---@param timeout? number
---@param options? table
---@return string|nil body
---@return integer|string status
---@return string|nil type
---@return string|nil headers
---@return string|nil line
function http.request.get(url, headers, timeout, options) end

---The same with HEAD; the body is empty.
---@param url string
---@param headers? string|table
---@param timeout? number
---@param options? table
---@return string|nil body
---@return integer|string status
---@return string|nil type
---@return string|nil headers
---@return string|nil line
function http.request.head(url, headers, timeout, options) end

---The same with DELETE.
---@param url string
---@param headers? string|table
---@param timeout? number
---@param options? table
---@return string|nil body
---@return integer|string status
---@return string|nil type
---@return string|nil headers
---@return string|nil line
function http.request.delete(url, headers, timeout, options) end

---The same with POST and a body, by a new connection: the request is never sent twice. Its
---Content-Type is one of the headers, if any.
---@param url string
---@param data string
---@param headers? string|table
---@param timeout? number
---@param options? table
---@return string|nil body
---@return integer|string status
---@return string|nil type
---@return string|nil headers
---@return string|nil line
function http.request.post(url, data, headers, timeout, options) end

---The same with PUT.
---@param url string
---@param data string
---@param headers? string|table
---@param timeout? number
---@param options? table
---@return string|nil body
---@return integer|string status
---@return string|nil type
---@return string|nil headers
---@return string|nil line
function http.request.put(url, data, headers, timeout, options) end

http.request.ssl = {}

---http.request.get by a connection of its own, whose certificate is verified by these PEM
---certificates, a text or an array of up to 100 of them, and no others; by the system's without
---them.
---@param url string
---@param authorities? string|table
---@param headers? string|table
---@param timeout? number
---@return string|nil body
---@return integer|string status
---@return string|nil type
---@return string|nil headers
---@return string|nil line
function http.request.ssl.get(url, authorities, headers, timeout) end
