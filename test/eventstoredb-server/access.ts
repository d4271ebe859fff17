import usersServices from '@eventstore/db-client/generated/users_grpc_pb.js';
import users from '@eventstore/db-client/generated/users_pb.js';
import {
  type Metadata,
  type ServerUnaryCall,
  type ServiceError,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { expectAny, type Log, systemEvent } from './log.js';
import { failure, failures } from './wire.js';

interface User {
  readonly password: string;
  readonly groups: readonly string[];
}

/** Roles that may do something; a stream's metadata has one or several. */
type Roles = string | readonly string[];
interface Acl {
  readonly $r?: Roles;
  readonly $w?: Roles;
  readonly $mr?: Roles;
  readonly $mw?: Roles;
}

const userStreamPrefix = '$user-';
const administrators = '$admins';
/** The role of every user who is logged in. */
const everyUser = '$all';

export interface AccessSettings {
  /** Name of a user with all rights. */
  readonly user?: string;
  readonly password?: string;
  /** Password of EventStoreDB's own user `admin`: with it, users, groups and lists of rights are those of EventStoreDB. */
  readonly adminPassword?: string;
}

/**
 * Access rights by EventStoreDB's rules: streams that begin with `$`, including `$all`, are for `$admins` unless their
 * metadata names other roles; all others are for every user who is logged in. Without users there are no restrictions.
 */
export class Access {
  private readonly users = new Map<string, User>();

  constructor(
    private readonly log: Log,
    { user, password, adminPassword }: AccessSettings,
  ) {
    const own = [
      [user, password],
      ['admin', adminPassword],
    ] as const;
    for (const [name, word] of own) {
      if (name !== undefined && word !== undefined)
        this.users.set(name, { password: word, groups: [administrators] });
    }
    for (const { stream, data } of log.records) {
      if (!stream.startsWith(userStreamPrefix)) continue;
      // Written by keep().
      this.users.set(stream.slice(userStreamPrefix.length), JSON.parse(Buffer.from(data).toString()) as User);
    }
  }

  /** The error for a caller without a valid user; undefined for a valid one. */
  refusalOf(metadata: Metadata): ServiceError | undefined {
    if (this.users.size === 0) return undefined;
    const [sent] = metadata.get('authorization');
    if (sent === undefined) return failures.accessDenied();
    return this.callerOf(metadata) === undefined ? failures.unauthenticated() : undefined;
  }

  /** Whether a caller may read a stream, or `$all`. */
  mayRead(metadata: Metadata, stream: string): boolean {
    const isMetadata = stream.startsWith('$$');
    return this.has(metadata, isMetadata ? stream.slice(2) : stream, isMetadata ? '$mr' : '$r');
  }

  /** Whether a caller may append to a stream. */
  mayWrite(metadata: Metadata, stream: string): boolean {
    const isMetadata = stream.startsWith('$$');
    return this.has(metadata, isMetadata ? stream.slice(2) : stream, isMetadata ? '$mw' : '$w');
  }

  /** The part of the users service that is covered. */
  service(called: (name: string) => void): [typeof usersServices.UsersService, UntypedServiceImplementation] {
    type Create = ServerUnaryCall<users.CreateReq, users.CreateResp>;
    type Reset = ServerUnaryCall<users.ResetPasswordReq, users.ResetPasswordResp>;
    const create = (call: Create, reply: sendUnaryData<users.CreateResp>): void => {
      called('CreateUser');
      const options = call.request.getOptions();
      const login = options?.getLoginName() ?? '';
      const refusal = this.refusalOfUserCall(call.metadata);
      if (refusal !== undefined) reply(refusal);
      else if (this.users.has(login)) {
        // As real servers do: creating the same user again succeeds.
        const isSame = this.users.get(login)?.password === options?.getPassword();
        if (isSame) reply(null, new users.CreateResp());
        else reply(loginFailure(status.FAILED_PRECONDITION, 'Conflict.', 'user-conflict'));
      } else {
        this.keep(login, { password: options?.getPassword() ?? '', groups: options?.getGroupsList() ?? [] });
        reply(null, new users.CreateResp());
      }
    };
    const resetPassword = (call: Reset, reply: sendUnaryData<users.ResetPasswordResp>): void => {
      called('ResetPassword');
      const options = call.request.getOptions();
      const login = options?.getLoginName() ?? '';
      const user = this.users.get(login);
      const refusal = this.refusalOfUserCall(call.metadata);
      if (refusal !== undefined) reply(refusal);
      else if (user === undefined) {
        reply(loginFailure(status.NOT_FOUND, `User '${login}' is not found.`, 'user-not-found'));
      } else {
        this.keep(login, { ...user, password: options?.getNewPassword() ?? '' });
        reply(null, new users.ResetPasswordResp());
      }
    };
    return [usersServices.UsersService, { create, resetPassword }];
  }

  /** Stores the user in the log, as EventStoreDB does, so that it exists after a restart. */
  private keep(login: string, user: User): void {
    this.users.set(login, user);
    this.log.append(`${userStreamPrefix}${login}`, expectAny, [systemEvent('$User', JSON.stringify(user))]);
  }

  private refusalOfUserCall(metadata: Metadata): ServiceError | undefined {
    const refusal = this.refusalOf(metadata);
    if (refusal !== undefined || this.users.size === 0) return refusal;
    return this.rolesOf(metadata).includes(administrators) ? undefined : failures.accessDenied();
  }

  private has(metadata: Metadata, stream: string, right: keyof Acl): boolean {
    if (this.users.size === 0) return true;
    const roles = this.rolesOf(metadata);
    if (roles.includes(administrators)) return true;
    const granted = this.aclOf(stream)[right] ?? (stream.startsWith('$') ? administrators : everyUser);
    return [granted].flat().some((role) => role === everyUser || roles.includes(role));
  }

  private aclOf(stream: string): Acl {
    const last = this.log.stream(`$$${stream}`)?.records.at(-1);
    if (last === undefined) return {};
    // The log refuses metadata that is not JSON.
    const metadata = JSON.parse(Buffer.from(last.data).toString()) as { readonly $acl?: Acl };
    return metadata.$acl ?? {};
  }

  private rolesOf(metadata: Metadata): readonly string[] {
    const caller = this.callerOf(metadata);
    return caller === undefined ? [] : [caller, ...(this.users.get(caller)?.groups ?? [])];
  }

  private callerOf(metadata: Metadata): string | undefined {
    const sent = String(metadata.get('authorization')[0] ?? '');
    const named = [...this.users].find(([name, { password }]) => {
      return sent === `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
    });
    return named?.[0];
  }
}

function loginFailure(code: status, details: string, exception: string): ServiceError {
  return failure(code, details, { exception });
}
