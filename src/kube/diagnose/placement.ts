import { fields, items, text } from '../fields.ts';
import type { KubeObject } from '../types.ts';

/** Taints that come and go with the state of a node: they are no reason to give up. */
const passing =
  /^(node\.kubernetes\.io\/(not-ready|unreachable|unschedulable|.*-pressure|network-unavailable)|node\.cloudprovider\.kubernetes\.io\/.*)$/;

/** Whether the node has the labels that nodeSelector and the required node affinity ask for. */
export function isSelected(pod: KubeObject, node: KubeObject): boolean {
  const labels = node.metadata.labels ?? {};
  const selector = Object.entries(fields(pod.spec?.nodeSelector));
  if (!selector.every(([key, value]) => labels[key] === value)) return false;
  const terms = requiredTerms(pod);
  return terms.length === 0 || terms.some((term) => matchesTerm(term, node));
}

/** What the pod asks of a node's labels, for people: `disk=ssd, zone in (a, b)`. */
export function selectionWords(pod: KubeObject): string {
  const selector = Object.entries(fields(pod.spec?.nodeSelector)).map(
    ([key, value]) => `${key}=${String(value)}`,
  );
  const affinity = requiredTerms(pod).map((term) =>
    [...items(term.matchExpressions), ...items(term.matchFields)].map(expressionWords).join(', '),
  );
  return [...selector, affinity.join(' or ')].filter((part) => part !== '').join(', ');
}

/** The taints of a node that the pod does not tolerate and that do not go away by themselves. */
export function repellingTaints(pod: KubeObject, node: KubeObject): string[] {
  const tolerations = items(pod.spec?.tolerations);
  return items(node.spec?.taints)
    .filter((taint) => text(taint.effect) !== 'PreferNoSchedule' && !passing.test(text(taint.key)))
    .filter((taint) => !tolerations.some((toleration) => tolerates(toleration, taint)))
    .map((taint) => {
      const value = text(taint.value);
      return `${text(taint.key)}${value === '' ? '' : `=${value}`}:${text(taint.effect)}`;
    });
}

function requiredTerms(pod: KubeObject): Record<string, unknown>[] {
  const affinity = fields(fields(pod.spec?.affinity).nodeAffinity);
  return items(fields(affinity.requiredDuringSchedulingIgnoredDuringExecution).nodeSelectorTerms);
}

function matchesTerm(term: Record<string, unknown>, node: KubeObject): boolean {
  const expressions = items(term.matchExpressions);
  const matchFields = items(term.matchFields);
  // A term without any requirement matches no node.
  if (expressions.length + matchFields.length === 0) return false;
  const named = { 'metadata.name': node.metadata.name };
  return (
    expressions.every((one) => matchesExpression(one, node.metadata.labels ?? {})) &&
    matchFields.every((one) => matchesExpression(one, named))
  );
}

function matchesExpression(expression: Record<string, unknown>, labels: Record<string, string>): boolean {
  const value = labels[text(expression.key)];
  const values = Array.isArray(expression.values) ? expression.values.map(String) : [];
  switch (text(expression.operator)) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return Number(value) > Number(values[0]);
    case 'Lt':
      return Number(value) < Number(values[0]);
    default:
      // An operator of a later Kubernetes: do not claim that it can never match.
      return true;
  }
}

function expressionWords(expression: Record<string, unknown>): string {
  const key = text(expression.key);
  const values = Array.isArray(expression.values) ? expression.values.map(String) : [];
  switch (text(expression.operator)) {
    case 'In':
      return values.length === 1 ? `${key}=${values[0]}` : `${key} in (${values.join(', ')})`;
    case 'NotIn':
      return `${key} not in (${values.join(', ')})`;
    case 'Exists':
      return key;
    case 'DoesNotExist':
      return `no ${key}`;
    default:
      return `${key} ${text(expression.operator)} ${values.join(', ')}`;
  }
}

function tolerates(toleration: Record<string, unknown>, taint: Record<string, unknown>): boolean {
  const effect = text(toleration.effect);
  if (effect !== '' && effect !== text(taint.effect)) return false;
  const key = text(toleration.key);
  const operator = text(toleration.operator) || 'Equal';
  if (key === '') return operator === 'Exists';
  if (key !== text(taint.key)) return false;
  if (operator === 'Equal') return text(toleration.value) === text(taint.value);
  // Exists, or an operator of a later Kubernetes.
  return true;
}
