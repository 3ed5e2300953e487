/**
 * undici's HTTP client without the rest of undici (fetch, WebSocket, caches, mocks), which would cost this process
 * another 11 MB. It is a file of the package, not of its documented surface: the pinned version and the tests hold it.
 */
declare module 'undici/lib/dispatcher/client.js' {
  import { Client } from 'undici';
  export default Client;
}
