/// Writes down each external identity before it leaves: the port of the audit stream.
package protocol ExchangeLedger: Sendable {
    /// Throws if an entry is required, and none could be written now; then nothing need be minted.
    func check() throws(Failure)

    /// Writes down an exchange whose report has its external identity. Waits only if the entry is required.
    /// - Parameter failure: what an optional login goes on in spite of; nil if nothing failed.
    /// - Throws: if the entry is required, and was not written within `budget`.
    func record(
        _ request: ExchangeRequest, degradedBy failure: Failure?, within budget: Duration
    ) async throws(Failure)
}
