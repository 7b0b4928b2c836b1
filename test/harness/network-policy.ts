/** What network policies of one namespace let through, as the standard reads them: what none selects is open, else what one of them allows. */

export type Labels = Readonly<Record<string, string>>;

interface Selector {
  readonly matchLabels?: Labels;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: string;
    readonly values: readonly string[];
  }[];
}

interface Peer {
  readonly podSelector?: Selector;
  readonly namespaceSelector?: Selector;
  readonly ipBlock?: { readonly cidr: string };
}

interface Rule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports?: readonly { readonly port: number | string }[];
}

export interface NetworkPolicy {
  readonly kind: string;
  readonly spec: {
    readonly podSelector: Selector;
    readonly policyTypes: readonly string[];
    readonly ingress?: readonly Rule[];
    readonly egress?: readonly Rule[];
  };
}

/** A pod, or, without labels, an address outside of the cluster. */
export interface End {
  readonly labels?: Labels;
  readonly namespace?: Labels;
  /** It is of the namespace that has the policies. */
  readonly isHere: boolean;
}

const NAMED_PORTS: Readonly<Record<string, number>> = { grpc: 7070, http: 7071, s3: 9000 };

export function mayCall(policies: readonly NetworkPolicy[], from: End, to: End, port: number): boolean {
  return (
    allows(policies, { type: 'Egress', self: from, other: to, port }) &&
    allows(policies, { type: 'Ingress', self: to, other: from, port })
  );
}

interface Question {
  readonly type: 'Ingress' | 'Egress';
  readonly self: End;
  readonly other: End;
  readonly port: number;
}

function allows(policies: readonly NetworkPolicy[], { type, self, other, port }: Question): boolean {
  if (!self.isHere) return true;
  const selecting = policies.filter(
    ({ spec }) => spec.policyTypes.includes(type) && selects(spec.podSelector, self.labels ?? {}),
  );
  if (selecting.length === 0) return true;
  const rules = selecting.flatMap(({ spec }) => (type === 'Ingress' ? spec.ingress : spec.egress) ?? []);
  return rules.some((rule) => {
    const peers = type === 'Ingress' ? rule.from : rule.to;
    const ports = rule.ports?.map((one) => (typeof one.port === 'number' ? one.port : NAMED_PORTS[one.port]));
    return (ports?.includes(port) ?? true) && (peers?.some((peer) => isPeer(peer, other)) ?? true);
  });
}

function isPeer({ podSelector, namespaceSelector, ipBlock }: Peer, end: End): boolean {
  if (ipBlock) return end.labels === undefined && ipBlock.cidr === '0.0.0.0/0';
  if (end.labels === undefined) return false;
  const isNamespace = namespaceSelector ? selects(namespaceSelector, end.namespace ?? {}) : end.isHere;
  return isNamespace && (podSelector === undefined || selects(podSelector, end.labels));
}

function selects({ matchLabels = {}, matchExpressions = [] }: Selector, labels: Labels): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values }) => {
      if (operator !== 'In') throw new Error(`an operator that is not read here: ${operator}`);
      return values.includes(labels[key] ?? '');
    })
  );
}
