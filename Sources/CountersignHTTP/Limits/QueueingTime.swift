/// How long requests wait for one event loop, and how long that is endured. Does no I/O and has no clock.
///
/// A loop works in turns: it reads what has become readable, and then runs the tasks that are ready, one after the other;
/// most of a request's work is in tasks. So from time to time, while there are requests, a probe goes to the end of the
/// queue. The time until it runs is what other tasks wait as well.
///
/// A burst is no overload. So requests may wait longer than the target for a time of ten targets in all before anybody
/// is shed; time without such waits makes up for that at a tenth of its pace. A loop with nothing to make up for may be
/// late once by any time, as after a pause of the machine.
package struct QueueingTime {
    /// From one probe to the next, at least.
    package static let interval = Duration.milliseconds(5)
    /// How long the result of a probe counts if no other follows.
    package static let memory = Duration.seconds(1)
    /// In targets.
    private static let endurance = 10

    /// When the probe that is under way was sent; nil if none is.
    private var sent: Duration?
    private var lastArrival = Duration.zero
    private var lastWait = Duration.zero
    /// How much of the endurance is used up.
    private var used = Duration.zero

    package init() {}

    /// - Parameter target: how long requests may wait.
    /// - Returns: what a request has to expect that begins now, and whether the owner must now send a probe.
    package mutating func requestBegins(at now: Duration, target: Duration) -> (QueueingDelay, sendsProbe: Bool) {
        let wait: Duration
        if let sent {
            wait = max(lastWait, now - sent)
        } else {
            if now - lastArrival > Self.memory { lastWait = .zero }
            wait = lastWait
        }
        let excess = used == .zero ? .zero : wait - (target * Self.endurance - used)
        let sendsProbe = sent == nil && now - lastArrival >= Self.interval
        if sendsProbe { sent = now }
        return (QueueingDelay(wait: wait, excess: excess), sendsProbe)
    }

    /// The probe has come to the head of the queue.
    /// - Returns: how long that took.
    package mutating func probeArrives(at now: Duration, target: Duration) -> Duration {
        lastWait = now - (sent ?? now)
        if lastWait > target {
            used = min(used + lastWait, target * Self.endurance)
        } else {
            used = max(used - (now - lastArrival) / Self.endurance, .zero)
        }
        (sent, lastArrival) = (nil, now)
        return lastWait
    }
}

/// How long a request has to wait for its event loop.
package struct QueueingDelay: Sendable {
    package let wait: Duration
    /// By how much that is longer than its loop endures.
    package let excess: Duration

    package init(wait: Duration, excess: Duration) {
        self.wait = wait
        self.excess = excess
    }

    package static let none = QueueingDelay(wait: .zero, excess: .zero)
}
