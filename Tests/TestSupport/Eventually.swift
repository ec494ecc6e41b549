/// Something that a test waited for did not come about.
package struct TimedOutWaiting: Error, CustomStringConvertible {
    package let description: String
}

/// Asks again every few milliseconds until `condition` holds; throws where it does not within `limit`.
package func eventually(
    _ what: String, within limit: Duration = .seconds(5), _ condition: () async throws -> Bool
) async throws {
    let clock = ContinuousClock()
    let end = clock.now + limit
    while true {
        if try await condition() { return }
        guard clock.now < end else { throw TimedOutWaiting(description: "not within \(limit): \(what)") }
        try await clock.sleep(for: .milliseconds(5))
    }
}
