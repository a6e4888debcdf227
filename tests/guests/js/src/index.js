/// <reference types="@fastly/js-compute" />

// A small guest of the JavaScript SDK. What matters about it is less what it does than what it is: a
// JavaScript engine whose memory was initialised when it was built, some ten megabytes of it.

import { ConfigStore } from "fastly:config-store";

addEventListener("fetch", (event) => event.respondWith(respond(event.request)));

async function respond(request) {
  switch (new URL(request.url).pathname) {
    case "/hello":
      return new Response("Hello from JavaScript\n");
    case "/echo":
      return new Response(request.body, { headers: { "x-method": request.method } });
    case "/proxy":
      return proxy(request);
    case "/config":
      return config();
    default:
      return new Response("no such route\n", { status: 404 });
  }
}

// Sends the client's method and body to the path /echo of the backend origin, and answers with the
// response.
async function proxy(request) {
  try {
    return await fetch("http://origin/echo", {
      backend: "origin",
      method: request.method,
      body: request.body,
    });
  } catch (error) {
    return new Response(`${error}\n`, { status: 502 });
  }
}

// The value of one key of the config store strings.
function config() {
  try {
    return new Response(new ConfigStore("strings").get("greeting"));
  } catch (error) {
    return new Response(`${error}\n`, { status: 404 });
  }
}
