// Records with Polly.JS: `node polly.js FOLDER`, the server on 8899. Needs @pollyjs/core, adapter-node-http, persister-fs.
const http = require('http');
const { Polly } = require('@pollyjs/core');
const Adapter = require('@pollyjs/adapter-node-http');
const Persister = require('@pollyjs/persister-fs');

Polly.register(Adapter);
Polly.register(Persister);

function ask(method, path, kind, body) {
  return new Promise((done, failed) => {
    const headers = { authorization: 'Bearer planted-q7Zr2Wm9Xt4Kc8Vb' };
    if (body) {
      headers['content-type'] = kind;
      headers['content-length'] = Buffer.byteLength(body);
    }
    const request = http.request({ host: '127.0.0.1', port: 8899, method, path, headers }, (response) => {
      response.on('data', () => {});
      response.on('end', done);
    });
    request.on('error', failed);
    request.end(body);
  });
}

(async () => {
  const polly = new Polly('tape', {
    adapters: ['node-http'],
    persister: 'fs',
    persisterOptions: { fs: { recordingsDir: process.argv[2] } },
    recordFailedRequests: true,
  });
  await ask('POST', '/v1/chat/completions', 'application/json', '{"model":"m","messages":[{"role":"user","content":"Zürich?"}]}');
  await ask('POST', '/v1/chat/completions', 'application/json', '{"model":"m","stream":true,"messages":[{"role":"user","content":"Hi"}]}');
  await ask('POST', '/gzip', 'application/json', '{"a":1.10}');
  await ask('POST', '/binary', 'application/octet-stream', Buffer.from([97, 0, 255]));
  await ask('POST', '/limited', 'application/x-www-form-urlencoded', 'a=1&b=2');
  await ask('GET', '/text?x=1&x=2');
  await polly.stop();
})();
