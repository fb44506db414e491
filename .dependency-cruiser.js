// The room table of src/README.md as rules. A room may import rooms of a lower layer, and its own files;
// another room's files only through its index.ts; a package only if the room owns it.
const layers = {
  chain: 0,
  oci: 0,
  config: 0,
  telemetry: 0,
  upstream: 1,
  blobstore: 1,
  metadata: 1,
  eviction: 2,
  upkeep: 2,
  inventory: 2,
  access: 3,
  cache: 3,
  registry: 4,
  passthrough: 4,
  warming: 4,
  admin: 4,
  console: 4,
  doctor: 4,
  installer: 4,
  listeners: 4,
  cli: 5,
};
const siblings = [
  ["config", "oci"],
  ["telemetry", "oci"],
  ["admin", "console"],
];
const owners = {
  commander: ["cli"],
  express: ["registry", "admin"],
  "http-proxy": ["passthrough"],
  "lru-cache": ["cache", "registry"],
  bcryptjs: ["access"],
  undici: ["upstream"],
  uplot: ["console"],
  "better-sqlite3": ["metadata"],
  zod: ["config"],
  yaml: ["config", "doctor", "installer"],
  "smol-toml": ["doctor", "installer"],
  "prom-client": ["telemetry"],
  pino: ["telemetry"],
  "pino-pretty": ["telemetry"],
};
const rooms = Object.keys(layers);

const allowedRooms = (room) =>
  rooms.filter(
    (other) =>
      other === room || layers[other] < layers[room] || siblings.some(([from, to]) => from === room && to === other),
  );

const forbidden = [
  { name: "no-circular", severity: "error", from: {}, to: { circular: true } },
  { name: "no-test-in-src", severity: "error", from: { path: "^src/" }, to: { path: "^test/" } },
  {
    name: "no-dev-package-in-src",
    severity: "error",
    from: { path: "^src/" },
    to: { dependencyTypes: ["npm-dev"], pathNot: "^node_modules/@types/" },
  },
  ...rooms.flatMap((room) => [
    {
      name: `${room}-imports-downwards`,
      comment: `${room} may import ${allowedRooms(room).join(", ")}`,
      severity: "error",
      from: { path: `^src/${room}/` },
      to: { path: "^src/", pathNot: allowedRooms(room).map((other) => `^src/${other}/`) },
    },
    {
      name: `${room}-has-one-face`,
      severity: "error",
      from: { path: "^src/", pathNot: `^src/${room}/` },
      to: { path: `^src/${room}/`, pathNot: `^src/${room}/index\\.ts$` },
    },
  ]),
  ...Object.entries(owners).map(([name, owning]) => ({
    name: `${name}-has-an-owner`,
    severity: "error",
    from: { path: "^src/", pathNot: owning.map((room) => `^src/${room}/`) },
    to: { path: `^node_modules/(@types/)?${name}/` },
  })),
];

export default {
  forbidden,
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default", "types"] },
  },
};
