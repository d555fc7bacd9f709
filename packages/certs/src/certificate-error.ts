/** What went wrong while making or opening certificates. Branch on `kind`, never on the text. */
export class CertificateError extends Error {
  override readonly name = "CertificateError";

  constructor(
    /**
     * `host-invalid`: neither a DNS name nor an IP address. `name-invalid`: an unusable common name.
     * `san-invalid`: no URI, or no mail address. `serial-invalid`: no serial number in hex.
     * `revocation-list-invalid`: no revocation list, or not of this authority.
     * `validity-invalid`: days, or an end that is not after the start.
     * `authority-invalid`: not a certificate authority of this package, or a key that is not its own.
     */
    readonly kind:
      | "host-invalid"
      | "name-invalid"
      | "san-invalid"
      | "serial-invalid"
      | "revocation-list-invalid"
      | "validity-invalid"
      | "authority-invalid",
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
