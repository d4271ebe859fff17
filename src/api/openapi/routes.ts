import 'reflect-metadata';
import { RequestMethod } from '@nestjs/common';
import {
  GUARDS_METADATA,
  METHOD_METADATA,
  PATH_METADATA,
  ROUTE_ARGS_METADATA,
} from '@nestjs/common/constants.js';
import { FASTIFY_ROUTE_CONFIG_METADATA } from '@nestjs/platform-fastify/constants.js';
import type { FastifyContextConfig } from 'fastify';
import type { ValidatedInput } from '../validation.js';

type Class = abstract new (...args: never[]) => object;

/** One endpoint as its controller's decorators declare it. */
export interface ReflectedRoute {
  /** The handler's name: the operation id, by which the document's operations are kept. */
  readonly operationId: string;
  /** Upper case. */
  readonly method: string;
  /** As the router spells it: `/v1/orders/:orderId`. */
  readonly path: string;
  readonly guards: ReadonlySet<unknown>;
  readonly inputs: readonly ValidatedInput[];
  readonly config: FastifyContextConfig;
}

/** The endpoints of controllers, read from their decorators, so that the document can't fall behind the code. */
export function reflectRoutes(controllers: readonly Class[]): ReflectedRoute[] {
  return controllers.flatMap((controller) => {
    const prefix = String(metadata(PATH_METADATA, controller) ?? '');
    const names = Object.getOwnPropertyNames(controller.prototype);
    return names.flatMap((name) => {
      const handler: unknown = Object.getOwnPropertyDescriptor(controller.prototype, name)?.value;
      if (typeof handler !== 'function') return [];
      const path = metadata(PATH_METADATA, handler);
      const method = metadata(METHOD_METADATA, handler);
      if (typeof path !== 'string' || typeof method !== 'number') return [];
      const guards = [controller, handler].flatMap((target) => {
        const declared = metadata(GUARDS_METADATA, target);
        return Array.isArray(declared) ? declared : [];
      });
      const route: ReflectedRoute = {
        operationId: name,
        method: String(RequestMethod[method]),
        path: `/${[prefix, path].filter((part) => part !== '' && part !== '/').join('/')}`,
        guards: new Set(guards),
        inputs: inputsOf(controller, name),
        config: metadata(FASTIFY_ROUTE_CONFIG_METADATA, handler) ?? {},
      };
      return [route];
    });
  });
}

function inputsOf(controller: Class, name: string): ValidatedInput[] {
  const parameters = Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, name) ?? {};
  return Object.values(parameters as Record<string, { data?: unknown }>) // what Nest's decorators store
    .map(({ data }) => data)
    .filter(isValidatedInput);
}

function isValidatedInput(data: unknown): data is ValidatedInput {
  return typeof data === 'object' && data !== null && 'part' in data && 'schema' in data;
}

function metadata(key: string, target: object) {
  return Reflect.getMetadata(key, target);
}
