// SPDX-License-Identifier: Apache-2.0
// Node's own HTTP server: a line in the log for each whole request, and for each that it refuses.
// Usage: node answer_node.js ADDRESS PORT LOG
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const http = require('http');

const [address, port, path] = process.argv.slice(2);
const log = fs.openSync(path, 'a');

function write(source, status, digest, line) {
	fs.writeSync(log, [source, status, digest, line].join('\t') + '\n');
}

function answer(request, response) {
	const pieces = [];
	const source = request.socket.remoteAddress;
	request.on('data', (piece) => pieces.push(piece));
	request.on('end', () => {
		const body = Buffer.concat(pieces);
		const hash = crypto.createHash('sha1').update(body).digest('hex').slice(0, 12);
		write(source, 200, `${body.length}:${hash}`,
			`${request.method} ${request.url} HTTP/${request.httpVersion}`);
		response.writeHead(200, {'Content-Length': 0});
		response.end();
	});
}

const server = http.createServer({maxHeaderSize: 1 << 20, keepAliveTimeout: 30000}, answer);
server.maxHeadersCount = 0;
server.httpAllowHalfOpen = true;
server.on('clientError', (error, socket) => {
	if (socket.isRefused)
		return;
	socket.isRefused = true;
	write(socket.remoteAddress, 400, '-', error.code);
	if (socket.writable)
		socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
});
server.listen({host: address, port: Number(port), backlog: 1024});
