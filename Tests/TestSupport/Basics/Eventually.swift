/// Something that a test waited for did not come about.
package struct TimedOutWaiting: Error, CustomStringConvertible {
    package let description: String
}

/// Asks again every few milliseconds until `condition` holds; throws where it does not within `limit`.
///
/// Time that a busy machine adds to a pause counts as a pause: it is not what is being tested.
package func eventually(
    _ what: String, within limit: Duration = .seconds(5), _ condition: () async throws -> Bool
) async throws {
    let clock = ContinuousClock()
    let pause = Duration.milliseconds(5)
    var elapsed = Duration.zero
    while true {
        let start = clock.now
        if try await condition() { return }
        elapsed += clock.now - start + pause
        guard elapsed < limit else { throw TimedOutWaiting(description: "not within \(limit): \(what)") }
        try await clock.sleep(for: pause)
    }
}
