import IssuerKeys
import JOSE
import Outbound
import ServiceConfiguration
import TokenExchange

/// Fetches the key set of one tenant's issuer as the service does, and compares the issuer's clock with ours.
struct IssuerKeyCheck: Sendable {
    let tenant: RemoteTenant
    let time: TimeSource

    private var name: String { "\(tenant.cacheKey.name)" }

    func findings() async -> [CheckupFinding] {
        let (sent, begin) = (time.now(), time.elapsed())
        do throws(KeySetFetchFailure) {
            let answer = try await tenant.makeFetcher().answer()
            let (received, lasted) = (time.now(), time.elapsed() - begin)
            return [
                keys(answer.body, lasted),
                Self.clock(of: name, answer.date, between: sent, and: received, allowed: tenant.rules.clockSkew),
            ]
        } catch {
            return [
                .fail(
                    "issuer_keys", of: name, "\(tenant.cacheKey.keys.url): \(error.cause)",
                    remedy:
                        "No login of this tenant can succeed. \(Remedy.reachIssuer)"
                )
            ]
        }
    }

    private func keys(_ document: [UInt8], _ lasted: Duration) -> CheckupFinding {
        let allowed = tenant.cacheKey.algorithms.map(\.rawValue).sorted().joined(separator: ", ")
        let remedy =
            "Compare jwks_url with the issuer's discovery document, and `algorithms` (\(allowed)) with its keys."
        do {
            let set = try JWKSetReader().read(document, allowing: tenant.cacheKey.algorithms)
            let skipped = set.skipped.map(\.description).joined(separator: ", ")
            guard !set.verifiers.isEmpty else {
                return .fail(
                    "issuer_keys", of: name,
                    "no key of the set is of use: \(skipped.isEmpty ? "it is empty" : skipped)",
                    remedy: remedy)
            }
            let others = set.skipped.isEmpty ? "" : ", \(set.skipped.count) left out (\(skipped))"
            return .pass(
                "issuer_keys", of: name, "\(set.verifiers.count) usable\(others), fetched in \(lasted.inMilliseconds)")
        } catch { return .fail("issuer_keys", of: name, "\(error)", remedy: remedy) }
    }

    /// - Parameters:
    ///   - date: of the issuer's answer, in whole seconds, rounded down; nil if it names none.
    ///   - allowed: what the tenant's rules allow either way.
    static func clock(
        of tenant: String, _ date: UnixTime?, between sent: UnixTime, and received: UnixTime, allowed: Duration
    ) -> CheckupFinding {
        guard let date else {
            return .warn(
                "issuer_clock", of: tenant, "the issuer's answer names no date",
                remedy: "Compare the clocks by hand; a proxy may have removed the header `Date`.")
        }
        // The least difference that explains the two readings.
        let lead = max(date - received, .zero) - max(sent - (date + .seconds(1)), .zero)
        let size = lead < .zero ? .zero - lead : lead
        let seconds = "\(Int64(size.inSeconds.rounded(.up))) s"
        let detail =
            size == .zero
            ? "agrees with ours within a second"
            : "the issuer's clock is at least \(seconds) \(lead < .zero ? "behind" : "ahead of") ours; clock_skew allows "
                + "\(Int64(allowed.inSeconds)) s"
        let remedy = Remedy.synchronizeClock
        if size > allowed { return .fail("issuer_clock", of: tenant, detail, remedy: remedy) }
        if size * 2 > allowed { return .warn("issuer_clock", of: tenant, detail, remedy: remedy) }
        return .pass("issuer_clock", of: tenant, detail)
    }
}
