import Glibc

/// One line on standard error that is written over: records, speed, time left when the size is known.
final class ProgressMeter {
    let isOn: Bool
    private let clock = ContinuousClock()
    private let start: ContinuousClock.Instant
    private var last: ContinuousClock.Instant
    private var hasShown = false

    init(isOn: Bool) {
        self.isOn = isOn || isatty(STDERR_FILENO) == 1
        start = clock.now
        last = start
    }

    func show(records: Int, bytes: UInt64, total: UInt64?) {
        let now = clock.now
        guard now - last >= .milliseconds(200) else { return }
        last = now
        hasShown = true
        let elapsed = seconds(now - start)
        var line = "\(records) records, \(Int(Double(records) / max(elapsed, 0.001)))/s"
        if let total, total > 0, bytes > 0, bytes <= total {
            let left = elapsed * Double(total - bytes) / Double(bytes)
            line += ", \(bytes * 100 / total) %, \(Int(left.rounded(.up))) s left"
        }
        put("\r\(line)\u{1B}[K")
    }

    func clear() {
        if hasShown { put("\r\u{1B}[K") }
    }

    private func put(_ text: String) {
        var text = text
        text.withUTF8 { bytes in _ = unsafe write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
    }

    private func seconds(_ duration: Duration) -> Double {
        let (whole, atto) = duration.components
        return Double(whole) + Double(atto) * 1e-18
    }
}
