package import NIOCore
import TokenExchange

/// Measures how long requests of a listener wait for one event loop. To be used on that loop.
package final class LoopQueue {
    private var time = QueueingTime()
    private let loop: any EventLoop
    private let admission: AdmissionControl
    private let metrics: ConnectionMetrics
    private let elapsed: () -> Duration

    /// - Parameters:
    ///   - admission: knows how long they may wait.
    ///   - elapsed: a monotonic clock; nil for the loop's.
    package init(
        _ loop: any EventLoop, admission: AdmissionControl, metrics: ConnectionMetrics, elapsed: (() -> Duration)? = nil
    ) {
        self.loop = loop
        self.admission = admission
        self.metrics = metrics
        self.elapsed = elapsed ?? { .nanoseconds(Int64(loop.now.uptimeNanoseconds)) }
    }

    /// What the request has to expect that begins now.
    func requestBegins() -> QueueingDelay {
        let (delay, sendsProbe) = time.requestBegins(at: elapsed(), target: admission.queueingTime)
        if sendsProbe {
            loop.assumeIsolated().execute {
                self.metrics.waited(self.time.probeArrives(at: self.elapsed(), target: self.admission.queueingTime))
            }
        }
        return delay
    }
}
