/**
 * Node's http and https, one of them loaded when it is wanted first. An `import` of node:http asks for all of its
 * exports at once, and one of them, WebSocket, brings the whole of Node's own fetch with it: 50 ms of a start, and 13 MB.
 */

/** node:http. */
export const { Agent, createServer, request } = process.getBuiltinModule('node:http');

/** node:https, with the whole of TLS, which most never need. */
export const loadHttps = () => process.getBuiltinModule('node:https');
