/** Separate hosts on one machine: each has its address, and what is done to the network is felt, counted and undone. */
import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { promisify } from 'node:util';
import { afterEach, expect, test } from 'vitest';
import { Network, type Host } from '../../harness/namespaces.js';
import { describeHosts } from './describe-hosts.js';

let network: Network;
let server: Server;
afterEach(() => network.remove());

const run = promisify(execFile);

/** Connects from a host to an address, sends a byte and waits for the end of the answer. */
async function reaches(from: Host, address: string, port: number, patienceMs = 10_000): Promise<boolean> {
  const script = `
    const socket = require('node:net').connect(${port}, ${JSON.stringify(address)});
    setTimeout(() => process.exit(1), ${patienceMs});
    socket.on('connect', () => socket.end('x')).resume();
    socket.on('end', () => process.exit(0));
    socket.on('error', () => process.exit(1));`;
  const [command = '', ...words] = from.command([process.execPath, '-e', script]);
  return run(command, words).then(
    () => true,
    () => false,
  );
}

/** An echo on this side of the network, where the test is. */
async function echo(host: string): Promise<number> {
  server = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
  server.listen(0, host);
  await once(server, 'listening');
  return (server.address() as { readonly port: number }).port;
}

function namespacesNow(): string {
  return execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' });
}

/** Everything after `10.231.<n>.` is given out by the network; the test itself is the first. */
function testAddress(host: Host): string {
  return host.address.replace(/\.\d+$/, '.1');
}

describeHosts('hosts in namespaces', () => {
  test('have addresses of their own, and reach the test', async () => {
    network = Network.start('north', 'south');
    const [north, south] = [network.host('north'), network.host('south')];
    expect(north.address).not.toBe(south.address);
    const port = await echo(testAddress(north));
    expect(await Promise.all([north, south].map((host) => reaches(host, testAddress(host), port)))).toEqual([
      true,
      true,
    ]);
    server.close();
  });

  test('are cut off while their cable is out, the others are not', async () => {
    network = Network.start('north', 'south');
    const [north, south] = [network.host('north'), network.host('south')];
    const port = await echo(testAddress(north));
    network.unplug(north);
    expect(await reaches(north, testAddress(north), port, 300)).toBe(false);
    expect(await reaches(south, testAddress(south), port)).toBe(true);
    network.plug(north);
    expect(await reaches(north, testAddress(north), port)).toBe(true);
    server.close();
  });
});

describeHosts('a network', () => {
  test('separates two hosts from each other alone, and counts what got lost', async () => {
    network = Network.start('north', 'south');
    const [north, south] = [network.host('north'), network.host('south')];
    const listener = `require('node:net').createServer((s) => s.pipe(s)).listen(7000, () => console.log('ready'))`;
    const [command = '', ...words] = south.command([process.execPath, '-e', listener]);
    const listening = execFile(command, words);
    if (listening.stdout) await once(listening.stdout, 'data');
    expect(await reaches(north, south.address, 7000)).toBe(true);
    const separation = network.separate(north, south);
    expect(await reaches(north, south.address, 7000, 300)).toBe(false);
    expect(separation.packets()).toBeGreaterThan(0);
    const port = await echo(testAddress(north));
    expect(await reaches(north, testAddress(north), port)).toBe(true);
    server.close();
    separation.remove();
    expect(await reaches(north, south.address, 7000)).toBe(true);
  });

  test('loses one packet of so many, and connections get through all the same', async () => {
    network = Network.start('north');
    const north = network.host('north');
    const port = await echo(testAddress(north));
    const loss = network.lose(5);
    for (let i = 0; i < 5; i++) expect(await reaches(north, testAddress(north), port)).toBe(true);
    expect(loss.packets()).toBeGreaterThan(0);
    server.close();
  });

  test('limits the rate of a host, and counts the packets that had to wait', async () => {
    network = Network.start('north');
    const north = network.host('north');
    const limit = network.limitRate(north, '8mbit');
    server = createServer((socket) => socket.on('error', () => undefined).end(Buffer.alloc(1_000_000)));
    server.listen(0, testAddress(north));
    await once(server, 'listening');
    const { port } = server.address() as { readonly port: number };
    expect(await reaches(north, testAddress(north), port)).toBe(true);
    expect(limit.packets()).toBeGreaterThan(0);
    server.close();
  });

  test('is gone when it is removed, with all that ran on its hosts', async () => {
    network = Network.start('north');
    const [command = '', ...words] = network.host('north').command(['sleep', '1000']);
    const sleeping = execFile(command, words);
    await once(sleeping, 'spawn');
    const ended = once(sleeping, 'exit');
    expect(namespacesNow()).toContain(`gristmill-${process.pid}-north`);
    network.remove();
    expect(namespacesNow()).not.toContain(`gristmill-${process.pid}-`);
    await ended;
    expect(execFileSync('ip', ['-o', 'link'], { encoding: 'utf8' })).not.toContain(`gm${process.pid}`);
  });

  test('removes what a killed test has left', () => {
    execFileSync('ip', ['netns', 'add', 'gristmill-99999999-north']);
    network = Network.start('south');
    expect(namespacesNow()).not.toContain('gristmill-99999999-');
  });
});
