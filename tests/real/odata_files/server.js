// SAP's open-source OData mock server behind basic authentication, on loopback.
// Usage: node server.js PORT FOLDER USER PASSWORD; FOLDER holds <service>.edmx and <service>/<entity set>.json.
// Services whose names end in _V4 are served below /sap/opu/odata4/sap.
const express = require('express');
const fs = require('fs');
const path = require('path');
const MockServer = require('@sap-ux/fe-mockserver-core').default;

const [port, folder, user, password] = process.argv.slice(2);
const expected = 'Basic ' + Buffer.from(`${user}:${password}`).toString('base64');

const services = fs
  .readdirSync(folder)
  .filter((name) => name.endsWith('.edmx'))
  .map((name) => path.basename(name, '.edmx'))
  .map((service) => ({
    urlPath: `/sap/opu/${service.endsWith('_V4') ? 'odata4' : 'odata'}/sap/${service}`,
    metadataPath: path.join(folder, `${service}.edmx`),
    mockdataPath: path.join(folder, service),
    generateMockData: false,
    strictKeyMode: true,
  }));

async function main() {
  const mock = new MockServer({ services });
  await mock.isReady;
  const app = express();
  app.use((request, response, next) => {
    if (request.headers.authorization === expected) return next();
    response.set('WWW-Authenticate', 'Basic realm="SAP NetWeaver Application Server"').sendStatus(401);
  });
  // The mock compares DateTimeOffset only with datetime'...' literals; SAP's gateways want datetimeoffset'...Z'.
  app.use((request, response, next) => {
    request.url = request.url.replace(/datetimeoffset(('|%27).*?)Z\2/g, 'datetime$1$2');
    next();
  });
  app.use(mock.getRouter());
  app.listen(Number(port), '127.0.0.1');
}

main();
