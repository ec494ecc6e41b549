/// Small records that replicas agree on. Each is changed only by whoever knows what it is.
///
/// Every operation is atomic and ends within `budget`. Values are sealed or random; names are digests.
package protocol SharedRecords: Sendable {
    /// Nil if there is none.
    func value(of key: RecordKey, within budget: Duration) async throws(SessionStoreFailure) -> [UInt8]?

    /// Keeps `value` where there is none, for `life`.
    /// - Returns: what is there already, or nil if `value` is kept now.
    func insertIfAbsent(
        _ value: [UInt8], under key: RecordKey, for life: Duration, within budget: Duration
    ) async throws(SessionStoreFailure) -> [UInt8]?

    /// Puts `new`, for `life`, in the place of exactly `expected`; nil removes it.
    /// - Returns: false where something else is there, or nothing.
    func replace(
        _ expected: [UInt8], under key: RecordKey, with new: [UInt8]?, for life: Duration, within budget: Duration
    ) async throws(SessionStoreFailure) -> Bool
}
