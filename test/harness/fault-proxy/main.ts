/**
 * A fault proxy as a process of its own, for a network namespace. Its only argument is its options as JSON; it prints where it
 * is (`Endpoints` as JSON) and runs until it is told to stop, or its standard input ends with whoever started it.
 */
import { once } from 'node:events';
import { FaultProxy, type FaultProxyOptions } from '../fault-proxy.js';
import { serveControl } from './control.js';

const options = JSON.parse(process.argv[2] ?? '{}') as FaultProxyOptions;
const proxy = await FaultProxy.start(options);
const control = await serveControl(proxy, options.host ?? '127.0.0.1');
console.log(JSON.stringify({ endpoint: proxy.endpoint, control: control.url }));
process.stdin.resume();
await Promise.race([once(process.stdin, 'end'), once(process, 'SIGTERM')]);
control.close();
control.closeAllConnections();
await proxy.close();
process.exit(0);
