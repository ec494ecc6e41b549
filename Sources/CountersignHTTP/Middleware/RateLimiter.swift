import Synchronization
package import TokenExchange

/// A token bucket per source address.
///
/// Remembers a bounded number of addresses in two generations: when the younger is full it becomes the older one, and
/// what was in the older one is forgotten. Forgetting errs on the side of letting a request through.
package final class RateLimiter: Sendable {
    private let buckets = Mutex(Generations())
    private let requestsPerSecond: Double
    private let burst: Double
    private let addressLimit: Int

    private struct Bucket {
        var tokens: Double
        var filledAt: Duration
    }

    private struct Generations {
        var younger: [RequestSource: Bucket] = [:]
        var older: [RequestSource: Bucket] = [:]
    }

    /// - Parameters:
    ///   - requestsPerSecond: the lasting rate per address.
    ///   - burst: how many requests may come at once.
    ///   - addressLimit: up to twice as many addresses are remembered.
    package init(requestsPerSecond: Int, burst: Int, addressLimit: Int) {
        self.requestsPerSecond = Double(requestsPerSecond)
        self.burst = Double(burst)
        self.addressLimit = addressLimit
    }

    /// Takes one token of `source`; false where none is left.
    package func admits(_ source: RequestSource, at now: Duration) -> Bool {
        buckets.withLock { buckets in
            var bucket = buckets.younger[source] ?? buckets.older[source] ?? Bucket(tokens: burst, filledAt: now)
            bucket.tokens = min(burst, bucket.tokens + (now - bucket.filledAt).inSeconds * requestsPerSecond)
            bucket.filledAt = now
            let isAdmitted = bucket.tokens >= 1
            if isAdmitted { bucket.tokens -= 1 }
            if buckets.younger[source] == nil, buckets.younger.count >= addressLimit {
                buckets.older = buckets.younger
                buckets.younger = [:]
            }
            buckets.younger[source] = bucket
            return isAdmitted
        }
    }
}
