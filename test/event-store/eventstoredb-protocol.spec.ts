import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import * as protocol from '../../src/event-store/eventstoredb/protocol.js';
import { logSubscription, partsOf, proposalsOf } from '../../src/event-store/eventstoredb/records.js';

const { gossip, shared, streams, users } = protocol;
const require = createRequire(`${process.cwd()}/package.json`);
const { version } = JSON.parse(readFileSync(require.resolve('@eventstore/db-client/package.json'), 'utf8'));

/** A class of the client's package that its documentation does not mention. */
type Generated = new (...args: never[]) => object;

/** The methods that src/event-store/eventstoredb calls, by class. */
const used: Record<string, readonly [Generated, string]> = {
  StreamsClient: [protocol.StreamsClient, 'read batchAppend append close getChannel'],
  GossipClient: [protocol.GossipClient, 'read close'],
  UsersClient: [protocol.UsersClient, 'create resetPassword close'],
  ReadReq: [streams.ReadReq, 'setOptions'],
  'ReadReq.Options': [
    streams.ReadReq.Options,
    'setStream setAll setReadDirection setCount setSubscription setFilter setNoFilter setUuidOption setResolveLinks',
  ],
  'ReadReq.Options.StreamOptions': [
    streams.ReadReq.Options.StreamOptions,
    'setStreamIdentifier setStart setEnd setRevision',
  ],
  'ReadReq.Options.AllOptions': [streams.ReadReq.Options.AllOptions, 'setStart setEnd setPosition'],
  'ReadReq.Options.Position': [streams.ReadReq.Options.Position, 'setCommitPosition setPreparePosition'],
  'ReadReq.Options.FilterOptions': [
    streams.ReadReq.Options.FilterOptions,
    'setStreamIdentifier setMax setCheckpointintervalmultiplier',
  ],
  'ReadReq.Options.FilterOptions.Expression': [
    streams.ReadReq.Options.FilterOptions.Expression,
    'setRegex setPrefixList',
  ],
  'ReadReq.Options.UUIDOption': [streams.ReadReq.Options.UUIDOption, 'setString'],
  ReadResp: [streams.ReadResp, 'getEvent hasCheckpoint hasCaughtUp hasFellBehind'],
  'ReadResp.ReadEvent': [streams.ReadResp.ReadEvent, 'getEvent'],
  'ReadResp.ReadEvent.RecordedEvent': [
    streams.ReadResp.ReadEvent.RecordedEvent,
    'getId getStreamIdentifier getStreamRevision getCommitPosition getPreparePosition getMetadataMap getData_asU8 getCustomMetadata_asU8',
  ],
  BatchAppendReq: [
    streams.BatchAppendReq,
    'setCorrelationId setOptions addProposedMessages setIsFinal serializeBinary',
  ],
  'BatchAppendReq.Options': [
    streams.BatchAppendReq.Options,
    'setStreamIdentifier setNoStream setAny setStreamPosition',
  ],
  'BatchAppendReq.ProposedMessage': [
    streams.BatchAppendReq.ProposedMessage,
    'setId setData setCustomMetadata getMetadataMap getData_asU8 getCustomMetadata_asU8',
  ],
  BatchAppendResp: [streams.BatchAppendResp, 'getCorrelationId getSuccess getError'],
  'BatchAppendResp.Success': [streams.BatchAppendResp.Success, 'getCurrentRevision getPosition'],
  AppendReq: [streams.AppendReq, 'setOptions setProposedMessage'],
  'AppendReq.Options': [streams.AppendReq.Options, 'setStreamIdentifier setNoStream setRevision'],
  'AppendReq.ProposedMessage': [streams.AppendReq.ProposedMessage, 'setId setData getMetadataMap'],
  AppendResp: [streams.AppendResp, 'hasWrongExpectedVersion'],
  Empty: [shared.Empty, 'serializeBinary'],
  UUID: [shared.UUID, 'setString getString'],
  StreamIdentifier: [shared.StreamIdentifier, 'setStreamName getStreamName_asU8'],
  WrongExpectedVersion: [shared.WrongExpectedVersion, 'hasCurrentStreamRevision getCurrentStreamRevision'],
  MaximumAppendSizeExceeded: [shared.MaximumAppendSizeExceeded, 'getMaxappendsize'],
  ClusterInfo: [gossip.ClusterInfo, 'getMembersList'],
  MemberInfo: [gossip.MemberInfo, 'getHttpEndPoint getIsAlive getState'],
  'CreateReq.Options': [users.CreateReq.Options, 'setLoginName setPassword setFullName'],
  'ResetPasswordReq.Options': [users.ResetPasswordReq.Options, 'setLoginName setNewPassword'],
};

describe('the undocumented parts of EventStoreDB’s client that this adapter uses', () => {
  it('exist in the installed version', () => {
    const missing = Object.entries(used).flatMap(([name, [type, methods]]) =>
      methods
        .split(' ')
        .filter((method) => typeof Reflect.get(type?.prototype ?? {}, method) !== 'function')
        .map((method) => `${name}.${method}()`),
    );
    if (missing.length > 0) {
      throw new Error(
        `@eventstore/db-client ${version} has no ${missing.join(', ')}: adapt src/event-store/eventstoredb, which uses it through protocol.ts`,
      );
    }
  });

  it('encode a subscription as the protocol of EventStoreDB 23.10 does', () => {
    const request = logSubscription(
      { commit: '7', prepare: '7' },
      { kind: 'categories', categories: ['seat'] },
    );
    expect(Buffer.from(request.serializeBinary()).toString('hex')).toBe(
      '0a1e12060a040807100732003a0e0a071205736561742d18f40328044a021200',
    );
  });

  it('encode an append as the protocol of EventStoreDB 23.10 does', () => {
    const id = '00000000-0000-4000-8000-000000000001';
    const event = { id, type: 'Tested', data: '{}', metadata: '{}' };
    const append = { stream: 'seat-1', expected: 'any', events: [event], bytes: 4 } as const;
    const [request, ...others] = [...partsOf(append, proposalsOf(append), id)];
    expect(others).toEqual([]);
    const encoded = [
      '0a26122430303030303030302d303030302d343030302d383030302d303030303030303030303031',
      '120c0a081a06736561742d31',
      '22001aa0010a26122430303030303030302d303030302d343030302d383030302d30303030303030303030',
      '303112200a0c636f6e74656e742d7479706512106170706c69636174696f6e2f6a73',
      '6f6e120e0a0474797065120654657374',
      '65641a407b226576656e744964223a2230303030303030302d303030302d343030302d383030302d303030303030303030303031222c226d65746164617461223a7b7d7d22027b7d2001',
    ];
    expect(Buffer.from(request?.serializeBinary() ?? []).toString('hex')).toBe(encoded.join(''));
  });
});
