export type AggregatorName = 'count' | 'sum' | 'min' | 'max';
