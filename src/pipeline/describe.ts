import { relative } from 'node:path';
import { argoNames } from './export/names.ts';
import { isInside } from './files.ts';
import { productText } from './spec/products.ts';
import type { Product, Project } from './types.ts';
import { toJson } from './values.ts';

/** A project as data: paths are relative to its folder where they are in it. */
export function projectDocument(project: Project): Record<string, unknown> {
  const { root, spec, tasks, warnings } = project;
  const names = argoNames(tasks.map(({ name }) => name));
  return {
    project: project.name,
    root,
    spec: spec === undefined ? null : pathText(spec, root),
    tasks: tasks.map((task) => ({
      name: task.name,
      argoName: names.get(task.name),
      class: task.class,
      source: pathText(task.source, root),
      ...(task.file === undefined ? {} : { file: pathText(task.file, root) }),
      upstream: task.upstream,
      products: productsDocument(task.products, root),
      params: toJson(task.params),
      confidence: 'exact',
    })),
    warnings: warnings.map(({ code, message, task, at }) => ({ code, message, task, ...at })),
  };
}

/** Products by key, as texts. */
function productsDocument(products: Record<string, Product>, root: string): Record<string, string> {
  return Object.fromEntries(
    Object.entries(products).map(([key, product]) => [
      key,
      product.type === 'file' ? pathText(product.path, root) : productText(product),
    ]),
  );
}

function pathText(path: string, root: string): string {
  return path.startsWith('/') && isInside(path, root) ? relative(root, path) : path;
}
