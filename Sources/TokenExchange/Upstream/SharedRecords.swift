/// Small records that all replicas share. A record is changed only by a caller that knows its present value.
///
/// Every operation is atomic and ends within `budget`. Values are sealed or random; names are digests.
package protocol SharedRecords: Sendable {
    /// Nil if there is none.
    func value(of key: RecordKey, within budget: Duration) async throws(SessionStoreFailure) -> [UInt8]?

    /// Keeps `value` for `life`, unless there is a value already.
    /// - Returns: the value that is already there, or nil if `value` is kept now.
    func insertIfAbsent(
        _ value: [UInt8], under key: RecordKey, for life: Duration, within budget: Duration
    ) async throws(SessionStoreFailure) -> [UInt8]?

    /// Replaces exactly `expected` by `new`, for `life`; nil removes it.
    /// - Returns: false if there is another value, or none.
    func replace(
        _ expected: [UInt8], under key: RecordKey, with new: [UInt8]?, for life: Duration, within budget: Duration
    ) async throws(SessionStoreFailure) -> Bool
}
