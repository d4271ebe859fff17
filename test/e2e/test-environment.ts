/** Settings of every office in tests. */
export const testEnvironment = {
  PORT: '0',
  LOG_LEVEL: 'silent',
  SAMPLE_CATALOG: 'false',
  SECRET: 'a secret for tests, long enough to be one',
  ADMIN_KEY: 'operator-key-for-tests-that-is-long-enough',
  RATE_LIMIT_LOGIN_PER_MINUTE: '0',
  RATE_LIMIT_LOGIN_PER_MINUTE_OF_ACCOUNT: '0',
  RATE_LIMIT_REGISTRATIONS_PER_MINUTE: '0',
  RATE_LIMIT_REFRESHES_PER_MINUTE: '0',
  RATE_LIMIT_COMMANDS_PER_MINUTE: '0',
  RATE_LIMIT_READS_PER_MINUTE: '0',
  MAX_CONNECTIONS_PER_ADDRESS: '0',
  MAX_LIVE_STREAMS_PER_ADDRESS: '0',
  RATE_LIMIT_JOINS_PER_MINUTE: '0',
  ADMISSION_INTERVAL_MS: '20',
  SWEEP_INTERVAL_MS: '200',
  CATALOG_MAX_AGE_MS: '0',
  // No test may depend on how busy the machine is: these limits would turn clients away, or answer without a result.
  MAX_REQUEST_WAIT_MS: '0',
  READ_WAIT_TIMEOUT_MS: '240000',
  PAYMENT_TIMEOUT_MS: '240000',
} as const;
