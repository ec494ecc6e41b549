/// What something costs a replica or Redis, measured by `make bench-scale`. docs/scaling.md has the same table and says
/// on which machine; a test compares the two.
package struct MeasuredCost: Sendable {
    package let name: String
    package let jwt: Double
    package let opaque: Double

    private init(_ name: String, jwt: Double, opaque: Double) {
        self.name = name
        self.jwt = jwt
        self.opaque = opaque
    }

    /// The same for every form of token.
    private init(_ name: String, _ value: Double) {
        self.init(name, jwt: value, opaque: value)
    }

    func value(_ token: PlanSettings.Token) -> Double { token == .jwt ? jwt : opaque }

    /// Microseconds of CPU.
    static let callback = MeasuredCost("CPU of a replica for a callback, us", jwt: 202, opaque: 158)
    static let introspection = MeasuredCost("CPU of a replica for an introspection, us", jwt: 110, opaque: 90)
    static let page = MeasuredCost("CPU of a replica for a `GET /session`, us", jwt: 96, opaque: 92)
    static let redisCallback = MeasuredCost("CPU of Redis for a callback, us", jwt: 35, opaque: 31)
    static let redisQuestion = MeasuredCost("CPU of Redis for an introspection or a `GET /session`, us", 15)
    /// Bytes, with their part of Redis' tables.
    static let session = MeasuredCost("memory of Redis for a session, bytes", jwt: 395, opaque: 427)
    static let answer = MeasuredCost("memory of Redis for the answer to its login, bytes", jwt: 799, opaque: 287)
    static let emptyRedis = MeasuredCost("memory of an empty Redis, MB", 1)
    /// Whatever the load.
    static let idle = MeasuredCost("CPU of an idle replica, ms in a second", 2)
    static let redisIdle = MeasuredCost("CPU of an idle Redis, ms in a second", 1.3)
    static let replica = MeasuredCost("memory of a replica, MB", 40)
    static let connection = MeasuredCost("memory of a replica for an idle connection, kB", 5.9)

    package static let all = [
        callback, introspection, page, redisCallback, redisQuestion, session, answer, emptyRedis, idle, redisIdle,
        replica, connection,
    ]
}
