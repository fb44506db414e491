import { readFileSync } from "node:fs";
import express from "express";

// The bare route: what Express itself costs. Its address, the paths, the type and a file with the body are given.
const [port, mediaType, bodyFile, ...paths] = process.argv.slice(2);
const body = readFileSync(String(bodyFile));
const app = express();
// A colon would begin the name of a parameter.
const routes = paths.map((path) => path.replaceAll(":", "\\:"));
app.get(routes, (_request, response) => void response.type(String(mediaType)).send(body));
app.listen(Number(port), "127.0.0.1");
