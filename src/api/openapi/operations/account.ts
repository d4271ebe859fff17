import {
  chargeReply,
  sessionsReply,
  userReply,
  walletEntryReply,
  walletReply,
} from '../../../queries/replies/account.js';
import { pageOf } from '../../../queries/replies/reply.js';
import { chargeReceiptReply, registeredUserReply, sessionReply } from '../../replies.js';
import { json, type Operations, pastDescription } from '../operation.js';

const refreshExample = { refreshToken: 'eyJhbGciOiJIUzI1NiJ9.eyJzaWQiOiI3YzFkIn0.c2lnbmF0dXJl' };

export const accountOperations: Operations = {
  registerUser: {
    tag: 'Account',
    summary: 'Register',
    headers: ['X-Log-Position'],
    description: 'Opens an account with an empty wallet. Login ids are unique without regard to letter case.',
    requestExamples: {
      minji: { loginId: 'minji', username: 'Minji', name: '김민지', password: 'winter-night-2026' },
    },
    replies: { 201: json('The account.', registeredUserReply) },
    problems: ['login-id-taken', 'password-too-weak'],
  },
  getMe: {
    tag: 'Account',
    summary: 'Who am I',
    replies: { 200: json('The account.', userReply) },
    problems: ['user-unknown'],
  },
  changePassword: {
    tag: 'Account',
    summary: 'Change the password',
    headers: ['X-Log-Position'],
    requestExamples: {
      minji: { currentPassword: 'winter-night-2026', newPassword: 'spring-morning-2027' },
    },
    replies: {
      204: {
        kind: 'empty',
        description: 'The new password is in force. This session goes on; all others have ended.',
      },
    },
    problems: ['invalid-credentials', 'password-too-weak', 'too-many-requests', 'user-unknown'],
  },
  eraseMe: {
    tag: 'Account',
    summary: 'Erase my account',
    headers: ['X-Log-Position'],
    description:
      'Names and login id are erased for good, also from backups; all sessions end with their access tokens, and the login id can never be registered again.',
    requestExamples: { minji: { password: 'winter-night-2026', forfeit: false } },
    replies: { 204: { kind: 'empty', description: 'Nothing leads to you any more.' } },
    problems: ['invalid-credentials', 'account-in-use', 'busy', 'too-many-requests', 'user-unknown'],
  },
  logIn: {
    tag: 'Account',
    summary: 'Log in',
    requestExamples: { minji: { loginId: 'minji', password: 'winter-night-2026' } },
    replies: { 200: json('Tokens of a new session.', sessionReply) },
    problems: ['invalid-credentials', 'too-many-requests'],
  },
  refreshSession: {
    tag: 'Account',
    summary: 'Get new tokens',
    description:
      'Uses the refresh token up. A used token that comes back later closes the session: somebody else may have it.',
    requestExamples: { refresh: refreshExample },
    replies: { 200: json('New tokens of the same session.', sessionReply) },
    problems: ['session-ended'],
  },
  listSessions: {
    tag: 'Account',
    summary: 'Where I am logged in',
    description: 'At most the 100 sessions that were started or refreshed last.',
    replies: { 200: json('Sessions that live.', sessionsReply) },
  },
  endSession: {
    tag: 'Account',
    summary: 'Log out elsewhere',
    headers: ['X-Log-Position'],
    description:
      'Ends one of my sessions, also this one, with its access tokens. One that has ended stays so.',
    replies: { 204: { kind: 'empty', description: 'The session has ended.' } },
    problems: ['session-unknown'],
  },
  endOtherSessions: {
    tag: 'Account',
    summary: 'Log out everywhere else',
    headers: ['X-Log-Position'],
    replies: { 204: { kind: 'empty', description: 'All my sessions but this one have ended.' } },
    problems: ['user-unknown'],
  },
  logOut: {
    tag: 'Account',
    summary: 'Log out',
    description: 'Ends the session with its access tokens.',
    requestExamples: { logout: refreshExample },
    replies: { 204: { kind: 'empty', description: 'The session has ended, or was none.' } },
  },
  getWallet: {
    tag: 'Wallet',
    summary: 'My points',
    description: pastDescription,
    replies: { 200: json('The wallet.', walletReply) },
    problems: ['user-unknown', 'unavailable'],
  },
  listWalletHistory: {
    tag: 'Wallet',
    summary: 'Where my points came from and went',
    replies: { 200: json('Newest first.', pageOf(walletEntryReply)) },
  },
  chargePoints: {
    tag: 'Wallet',
    summary: 'Charge points',
    headers: ['X-Log-Position'],
    description:
      'Asks the payment system. When it gives no final answer in time the reply is 202 and the charge goes on by itself; repeat the request with the same key, or ask for the charge, to learn more.',
    requestExamples: { card: { amount: 500000, paymentMethod: 'card_4242' } },
    replies: {
      201: json('The points are in the wallet.', chargeReceiptReply),
      202: json('The payment system has not decided yet.', chargeReceiptReply),
    },
    problems: ['payment-declined', 'wallet-full', 'wallet-closed'],
    isIdempotent: true,
  },
  getCharge: {
    tag: 'Wallet',
    summary: 'One charge',
    replies: { 200: json('How far it got.', chargeReply) },
    problems: ['charge-unknown'],
  },
};
