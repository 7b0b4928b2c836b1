/**
 * Hosts with addresses of their own on one machine: network namespaces, each joined by a cable to a switch (a bridge, in a
 * namespace of its own), to which the test itself is joined as well. Cables are pulled, packets get lost between two hosts or
 * everywhere, and rates are limited, while processes run. Needs Linux, root, and the commands `ip`, `tc` and `nft`; `whyNot`
 * says what is missing. Everything is gone after `remove`; what a killed test left, the next network removes.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { Shell } from './namespaces/shell.js';

/** Something that is wrong with the network for a while. */
export interface Condition {
  /** Packets that it has met so far: the proof that it struck. */
  packets(): number;
  remove(): void;
}

export class Host {
  readonly name: string;
  readonly address: string;
  readonly namespace: string;
  /** The switch's end of its cable. */
  readonly port: string;

  constructor(name: string, address: string, namespace: string, port: string) {
    this.name = name;
    this.address = address;
    this.namespace = namespace;
    this.port = port;
  }

  /** The command, to be run on this host. `ip` becomes the command itself: its process id is the child's. */
  command(words: readonly string[]): readonly string[] {
    return ['ip', 'netns', 'exec', this.namespace, ...words];
  }
}

const PREFIX = 'gristmill-';

/** Why there can be no such network here; undefined when there can. */
export function whyNot(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are of Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const probe = `${PREFIX}${process.pid}-probe`;
  try {
    for (const tool of ['tc', 'nft']) execFileSync(tool, ['-V'], { stdio: 'ignore' });
    execFileSync('ip', ['netns', 'add', probe], { stdio: 'ignore' });
    execFileSync('ip', ['netns', 'del', probe], { stdio: 'ignore' });
    return undefined;
  } catch (thrown) {
    return `ip, tc or nft do not work here: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  }
}

export class Network {
  readonly #shell: Shell;
  readonly #id = `${PREFIX}${process.pid}`;
  /** The test's end of its cable. */
  readonly #end = `gm${process.pid}`;
  readonly #octet: number;
  readonly #hosts: Host[] = [];
  readonly #conditions = new Set<Condition>();
  #made = 0;

  private constructor() {
    removeDead();
    this.#octet = freeOctet();
    this.#shell = new Shell(`${this.#id}-switch`);
  }

  /** A host for each name, all joined. */
  static start(...names: readonly string[]): Network {
    const network = new Network();
    try {
      network.#build(names);
      return network;
    } catch (thrown) {
      network.remove();
      throw thrown;
    }
  }

  /** The host of this name. */
  host(name: string): Host {
    const host = this.#hosts.find((candidate) => candidate.name === name);
    if (!host) throw new Error(`there is no host ${name}`);
    return host;
  }

  /** The cable is pulled: nothing arrives, and nobody is told. */
  unplug(host: Host): void {
    this.#shell.ip('link', 'set', host.port, 'down');
  }

  plug(host: Host): void {
    this.#shell.ip('link', 'set', host.port, 'up');
  }

  /** What one sends to the other gets lost, in both directions; with all others both go on as before. */
  separate(one: Host, other: Host): Condition {
    const between = (from: Host, to: Host) => `ip saddr ${from.address} ip daddr ${to.address}`;
    return this.#lose([between(one, other), between(other, one)]);
  }

  /** One packet of so many gets lost, whosever it is: `lose(100)` loses 1 %. */
  lose(oneOf: number): Condition {
    return this.#lose([`ether type ip numgen inc mod ${oneOf} 0`]);
  }

  /** Neither to the host nor from it go more bits per second, as `tc` writes them: `50mbit`. */
  limitRate(host: Host, rate: string): Condition {
    const bucket = ['root', 'tbf', 'rate', rate, 'burst', '256kb', 'latency', '200ms'];
    const inside = new Shell(host.namespace);
    this.#shell.tc('qdisc', 'replace', 'dev', host.port, ...bucket);
    inside.tc('qdisc', 'replace', 'dev', 'eth0', ...bucket);
    return this.#condition({
      packets: () => this.#shell.delayed(host.port) + inside.delayed('eth0'),
      remove: () => {
        this.#shell.tc('qdisc', 'del', 'dev', host.port, 'root');
        inside.tc('qdisc', 'del', 'dev', 'eth0', 'root');
      },
    });
  }

  /** Ends what still runs on the hosts, and takes all of it away. */
  remove(): void {
    // Namespaces end in the background, and would take it along only then.
    if (existsSync(`/sys/class/net/${this.#end}`)) execFileSync('ip', ['link', 'del', this.#end]);
    for (const name of namespaces()) if (name.startsWith(`${this.#id}-`)) removeNamespace(name);
  }

  #build(names: readonly string[]): void {
    execFileSync('ip', ['netns', 'add', `${this.#id}-switch`]);
    this.#shell.ip('link', 'add', 'switch', 'type', 'bridge');
    this.#shell.ip('link', 'set', 'switch', 'up');
    for (const [index, name] of names.entries()) this.#join(name, index + 2);
    // The test itself: its end of the cable stays where it is.
    const end = this.#end;
    this.#shell.ip('link', 'add', 'test', 'type', 'veth', 'peer', 'name', end, 'netns', String(process.pid));
    execFileSync('ip', ['addr', 'add', `${addressOf(this.#octet, 1)}/24`, 'dev', end]);
    execFileSync('ip', ['link', 'set', end, 'up']);
    this.#plugIn('test');
  }

  #join(name: string, last: number): void {
    const namespace = `${this.#id}-${name}`;
    const host = new Host(name, addressOf(this.#octet, last), namespace, `port${last}`);
    execFileSync('ip', ['netns', 'add', namespace]);
    this.#shell.ip('link', 'add', host.port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
    this.#plugIn(host.port);
    const inside = new Shell(namespace);
    inside.ip('addr', 'add', `${host.address}/24`, 'dev', 'eth0');
    inside.ip('link', 'set', 'lo', 'up');
    inside.ip('link', 'set', 'eth0', 'up');
    this.#hosts.push(host);
  }

  #plugIn(port: string): void {
    this.#shell.ip('link', 'set', port, 'master', 'switch');
    this.#shell.ip('link', 'set', port, 'up');
  }

  /** Each condition has a table of its own, so that it goes as it came. */
  #lose(matches: readonly string[]): Condition {
    const table = `loss${++this.#made}`;
    const rules = matches.map((match) => `${match} counter drop`).join('\n');
    const chain = `chain passing {\ntype filter hook forward priority 0\n${rules}\n}`;
    this.#shell.nft(`table bridge ${table} {\n${chain}\n}\n`);
    return this.#condition({
      packets: () => this.#shell.counted(table),
      remove: () => this.#shell.nft(`delete table bridge ${table}\n`),
    });
  }

  #condition(made: Condition): Condition {
    const condition: Condition = {
      packets: () => made.packets(),
      remove: () => {
        if (this.#conditions.delete(condition)) made.remove();
      },
    };
    this.#conditions.add(condition);
    return condition;
  }
}

function addressOf(octet: number, last: number): string {
  return `10.231.${octet}.${last}`;
}

/** Networks of several tests are there at the same time. */
function freeOctet(): number {
  const taken = execFileSync('ip', ['-o', 'addr'], { encoding: 'utf8' });
  const octets = Array.from({ length: 250 }, (_, index) => (process.pid + index) % 250);
  return octets.find((octet) => !taken.includes(`${addressOf(octet, 1)}/`)) ?? 0;
}

function namespaces(): readonly string[] {
  try {
    return readdirSync('/run/netns');
  } catch {
    return []; // nobody has ever made one
  }
}

/** Those of tests that were killed. */
function removeDead(): void {
  const alive = new Set(readdirSync('/proc'));
  for (const name of namespaces()) {
    const owner = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (owner !== undefined && !alive.has(owner)) removeNamespace(name);
  }
}

function removeNamespace(name: string): void {
  for (const pid of execFileSync('ip', ['netns', 'pids', name], { encoding: 'utf8' }).split('\n').filter(Boolean)) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
  // The cables go with their ends.
  execFileSync('ip', ['netns', 'del', name]);
}
