import { json, type Operations, pageOf, pastDescription, sample } from '../operation.js';
import {
  charge,
  chargeReceipt,
  registeredUser,
  session,
  user,
  wallet,
  walletEntry,
} from '../replies/account.js';

const refreshExample = { refreshToken: 'eyJhbGciOiJIUzI1NiJ9.eyJzaWQiOiI3YzFkIn0.c2lnbmF0dXJl' };

export const accountOperations: Operations = {
  'POST /v1/users': {
    tag: 'Account',
    summary: 'Register',
    description: 'Opens an account with an empty wallet. Login ids are unique whatever their case.',
    requestExamples: {
      minji: { loginId: 'minji', username: 'Minji', name: '김민지', password: 'winter-night-2026' },
    },
    replies: { 201: json('The account.', registeredUser) },
    problems: ['login-id-taken', 'too-many-requests'],
  },
  'GET /v1/me': {
    tag: 'Account',
    summary: 'Who am I',
    replies: { 200: json('The account.', user) },
    problems: ['user-unknown'],
  },
  'PUT /v1/me/password': {
    tag: 'Account',
    summary: 'Change the password',
    requestExamples: {
      minji: { currentPassword: 'winter-night-2026', newPassword: 'spring-morning-2027' },
    },
    replies: { 204: { kind: 'empty', description: 'The new password is in force; sessions go on.' } },
    problems: ['invalid-credentials', 'too-many-requests', 'user-unknown'],
  },
  'POST /v1/me/erase': {
    tag: 'Account',
    summary: 'Erase my account',
    description:
      'Names and login id are erased for good, also from backups; sessions end, and the login id can never be registered again. An access token works until it expires.',
    requestExamples: { minji: { password: 'winter-night-2026', forfeit: false } },
    replies: { 204: { kind: 'empty', description: 'Nothing leads to you any more.' } },
    problems: ['invalid-credentials', 'account-in-use', 'busy', 'too-many-requests', 'user-unknown'],
  },
  'POST /v1/auth/login': {
    tag: 'Account',
    summary: 'Log in',
    requestExamples: { minji: { loginId: 'minji', password: 'winter-night-2026' } },
    replies: { 200: json('Tokens of a new session.', session) },
    problems: ['invalid-credentials', 'too-many-requests'],
  },
  'POST /v1/auth/refresh': {
    tag: 'Account',
    summary: 'Get new tokens',
    description:
      'Uses the refresh token up. A used token that comes back later closes the session: somebody else may have it.',
    requestExamples: { refresh: refreshExample },
    replies: { 200: json('New tokens of the same session.', session) },
    problems: ['session-ended', 'too-many-requests'],
  },
  'POST /v1/auth/logout': {
    tag: 'Account',
    summary: 'Log out',
    requestExamples: { logout: refreshExample },
    replies: { 204: { kind: 'empty', description: 'The session has ended, or was none.' } },
  },
  'GET /v1/wallet': {
    tag: 'Wallet',
    summary: 'My points',
    description: pastDescription,
    replies: { 200: json('The wallet.', wallet) },
    problems: ['user-unknown', 'unavailable'],
  },
  'GET /v1/wallet/history': {
    tag: 'Wallet',
    summary: 'Where my points came from and went',
    replies: { 200: json('Newest first.', pageOf(walletEntry)) },
  },
  'POST /v1/wallet/charges': {
    tag: 'Wallet',
    summary: 'Charge points',
    description:
      'Asks the payment system. When it gives no final answer in time the reply is 202 and the charge goes on by itself; repeat the request with the same key, or ask for the charge, to learn more.',
    requestExamples: { card: { amount: 500000, paymentMethod: 'card_4242' } },
    replies: {
      201: json('The points are in the wallet.', chargeReceipt),
      202: json('The payment system has not decided yet.', {
        ...chargeReceipt,
        example: {
          chargeId: sample.chargeId,
          amount: 500000,
          status: 'pending',
          cause: 'the payment system has not decided',
          position: 4522,
        },
      }),
    },
    problems: ['payment-declined', 'wallet-full'],
    isIdempotent: true,
  },
  'GET /v1/wallet/charges/:chargeId': {
    tag: 'Wallet',
    summary: 'One charge',
    replies: { 200: json('How far it got.', charge) },
    problems: ['charge-unknown'],
  },
};
