// Names the requests to an engine, for error messages.

/** Each value completes a sentence that starts with "Could not". */
export const engineCalls = {
  version: 'ask the engine for its version',
  info: 'ask the engine for its state',
  network: 'look up the network of the jobs',
  make_network: 'create the network of the jobs',
  image: 'look up the image',
  pull: 'pull the image',
  resolve: 'look up the image at its registry',
  load: 'load an image of stint',
  create: 'create the container',
  inspect: 'inspect the container',
  list: 'list the containers',
  upload: 'copy files into the container',
  download: 'read a file of the image',
  look: 'look up a path of the image',
  attach: 'attach to the container',
  start: 'start the container',
  write: "write to the container's standard input",
  wait: 'wait for the container',
  logs: "read the container's log",
  events: "read the engine's events",
  stats: 'ask for the CPU time of the container',
  top: "look for the container's processes",
  stop: 'stop the container',
  kill: 'kill the container',
  signal: 'signal the container',
  processes: "list the container's processes",
  remove: 'remove the container',
  images: 'list the images',
  remove_image: 'remove the image',
} as const;

export type EngineCall = keyof typeof engineCalls;
