package import TokenExchange

/// Our signing keys as they are at one moment.
package struct SigningKeyStatus: Sendable {
    package let manifest: SigningKeyManifest
    package let plan: SigningKeyPlan
    package let times: SigningKeyTimes
    package let now: UnixTime
    /// Below zero if the next step of the rotation is overdue; nil if there will be none.
    package let untilNextStep: Duration?
    /// Whether the directory cannot be used as it is.
    package let isFailing: Bool

    /// How many keys are active in the manifest while another key still signs.
    package var waitingCount: Int { plan.waiting.count }
    /// How long that step has been due; zero before that.
    package var stepOverdue: Duration { max(.zero, .zero - (untilNextStep ?? .zero)) }
}
