import CTimex

extension Checkup.Machine {
    /// This machine.
    package static var this: Self {
        Self(openFiles: OpenFileLimit.raise(), clockIsSynchronized: clockIsSynchronized)
    }

    /// As the kernel knows it, which every program that keeps the clock tells (NTP, PTP, a host of virtual machines).
    private static var clockIsSynchronized: Bool? {
        var state = timex()
        // No mode is set, so nothing is changed and no right is needed.
        guard adjtimex(&state) >= 0 else { return nil }
        return state.status & STA_UNSYNC == 0
    }
}
