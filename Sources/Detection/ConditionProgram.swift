import SessionModel

/// A condition in the form in which records are held against it: tests in plain memory, each with the
/// test to go on with when it holds and when it does not. The cheapest come first.
///
/// - Cost: some 5 ns where a word or a number decides, 20 ns a text. Nothing is allocated or counted.
final class ConditionProgram: @unchecked Sendable {
    enum Operation: UInt8 {
        case exists, words, ranges, networks, equals, contains, startsWith, endsWith, glob, regex,
            sameAs
    }

    /// An end instead of a test.
    static let fits: Int16 = -1
    static let fails: Int16 = -2

    struct Step: BitwiseCopyable {
        var field: RecordField
        var operation: Operation
        var isCased: Bool
        /// Where its values begin, and how many there are.
        var first: Int32 = 0
        var count: Int32 = 0
        /// Of words: a bit each. Of `sameAs`: the other field.
        var mask: UInt64 = 0
        var onTrue: Int16 = 0
        var onFalse: Int16 = 0
    }

    struct Network: BitwiseCopyable {
        var high: UInt64
        var low: UInt64
        var highMask: UInt64
        var lowMask: UInt64
    }

    private let start: Int16
    private let steps: UnsafeMutablePointer<Step>
    private let texts: UnsafeMutablePointer<TextView>
    private let ranges: UnsafeMutablePointer<ClosedRange<Double>>
    private let networks: UnsafeMutablePointer<Network>
    private let expressions: UnsafeMutablePointer<OpaquePointer>
    private let bytes: UnsafeMutablePointer<UInt8>
    private let owners: [RegularExpression]
    private let zone: ClockZone

    init(_ condition: Condition, zone: ClockZone) {
        var maker = Maker()
        let ordered = Self.ordered(condition)
        start = maker.add(ordered, onTrue: Self.fits, onFalse: Self.fails)
        self.zone = zone
        steps = Self.copied(maker.steps)
        ranges = Self.copied(maker.ranges)
        networks = Self.copied(maker.networks)
        expressions = Self.copied(maker.expressions.map(\.pointer))
        owners = maker.expressions
        bytes = Self.copied(maker.bytes)
        let base = bytes
        texts = Self.copied(
            maker.texts.map { TextView(base: base + $0.lowerBound, count: $0.count) })
    }

    deinit {
        steps.deallocate()
        texts.deallocate()
        ranges.deallocate()
        networks.deallocate()
        expressions.deallocate()
        bytes.deallocate()
    }

    private static func copied<T>(_ array: [T]) -> UnsafeMutablePointer<T> {
        let memory = UnsafeMutablePointer<T>.allocate(capacity: max(1, array.count))
        for i in array.indices { (memory + i).initialize(to: array[i]) }
        return memory
    }

    // MARK: - Holding a record against it

    func fits(_ s: UnsafePointer<Sighting>) -> Bool {
        var next = start
        while next >= 0 {
            let step = steps + Int(next)
            next = holds(step, s) ? step.pointee.onTrue : step.pointee.onFalse
        }
        return next == Self.fits
    }

    @inline(__always)
    private func holds(_ step: UnsafePointer<Step>, _ s: UnsafePointer<Sighting>) -> Bool {
        let field = step.pointee.field
        switch step.pointee.operation {
        case .words:
            let word = field.word(s, zone)
            return word >= 0 && step.pointee.mask &>> UInt64(word) & 1 == 1
        case .ranges:
            guard let number = field.number(s, zone) else { return false }
            return each(step) { ranges[$0].contains(number) }
        case .networks:
            let address = s.pointee.record.address
            guard !address.isNone else { return false }
            return each(step) { i in
                let network = networks + i
                return address.high & network.pointee.highMask == network.pointee.high
                    && address.low & network.pointee.lowMask == network.pointee.low
            }
        case .exists: return field.exists(s, zone)
        case .sameAs:
            guard let other = RecordField(rawValue: UInt8(step.pointee.mask)) else { return false }
            return Self.isSame(field.text(s), other.text(s), isCased: step.pointee.isCased)
        case .equals, .contains, .startsWith, .endsWith, .glob, .regex:
            return holdsText(step, field.text(s))
        }
    }

    private func holdsText(_ step: UnsafePointer<Step>, _ text: TextView) -> Bool {
        let isCased = step.pointee.isCased
        // What is not there fits no pattern; whether it is there is asked with `exists`.
        if text.isEmpty { return false }
        return switch step.pointee.operation {
        case .equals: each(step) { TextPattern.equals(text, texts[$0], isCased: isCased) }
        case .contains: each(step) { TextPattern.contains(text, texts[$0], isCased: isCased) }
        case .startsWith: each(step) { TextPattern.starts(text, texts[$0], isCased: isCased) }
        case .endsWith: each(step) { TextPattern.ends(text, texts[$0], isCased: isCased) }
        case .glob: each(step) { TextPattern.fits(text, glob: texts[$0], isCased: isCased) }
        case .regex: each(step) { RegularExpression.fits(expressions[$0], text) }
        default: false
        }
    }

    @inline(__always)
    private func each(_ step: UnsafePointer<Step>, _ body: (Int) -> Bool) -> Bool {
        var i = Int(step.pointee.first)
        let end = i &+ Int(step.pointee.count)
        while i < end {
            if body(i) { return true }
            i &+= 1
        }
        return false
    }

    private static func isSame(_ a: TextView, _ b: TextView, isCased: Bool) -> Bool {
        guard a.count == b.count, !a.isEmpty, let p = a.base, let q = b.base else { return false }
        for i in 0..<a.count
        where isCased ? p[i] != q[i] : TextPattern.fold(p[i]) != TextPattern.fold(q[i]) {
            return false
        }
        return true
    }

    // MARK: - Making it

    private static func cost(_ condition: Condition) -> Int {
        switch condition {
        case .test(let test):
            test.field.cost
                * (test.comparison == .regularExpression ? 8 : test.comparison == .contains ? 3 : 1)
                + test.values.count / 4
        case .all(let parts), .any(let parts): parts.reduce(0) { $0 + cost($1) }
        case .not(let part): cost(part)
        }
    }

    /// The cheapest parts first: the order of `and` and `or` says nothing.
    private static func ordered(_ condition: Condition) -> Condition {
        func sorted(_ parts: [Condition]) -> [Condition] {
            parts.map(ordered).enumerated().sorted {
                (cost($0.element), $0.offset) < (cost($1.element), $1.offset)
            }.map(\.element)
        }
        return switch condition {
        case .test: condition
        case .all(let parts): .all(sorted(parts))
        case .any(let parts): .any(sorted(parts))
        case .not(let part): .not(ordered(part))
        }
    }

    /// Builds from the end, so that each step knows where to go on.
    private struct Maker {
        var steps: [Step] = []
        var ranges: [ClosedRange<Double>] = []
        var networks: [Network] = []
        var expressions: [RegularExpression] = []
        var bytes: [UInt8] = []
        var texts: [Range<Int>] = []

        /// Returns where the condition begins.
        mutating func add(_ condition: Condition, onTrue: Int16, onFalse: Int16) -> Int16 {
            switch condition {
            case .not(let part): return add(part, onTrue: onFalse, onFalse: onTrue)
            case .all(let parts):
                var next = onTrue
                for part in parts.reversed() { next = add(part, onTrue: next, onFalse: onFalse) }
                return next
            case .any(let parts):
                var next = onFalse
                for part in parts.reversed() { next = add(part, onTrue: onTrue, onFalse: next) }
                return next
            case .test(let test): return add(test, onTrue: onTrue, onFalse: onFalse)
            }
        }

        private mutating func put(_ step: Step, _ onTrue: Int16, _ onFalse: Int16) -> Int16 {
            var step = step
            (step.onTrue, step.onFalse) = (onTrue, onFalse)
            steps.append(step)
            return Int16(steps.count - 1)
        }

        private mutating func add(_ test: FieldTest, onTrue: Int16, onFalse: Int16) -> Int16 {
            var step = Step(field: test.field, operation: .exists, isCased: test.isCased)
            switch test.comparison {
            case .exists: return put(step, onTrue, onFalse)
            case .sameAs(let other):
                step.operation = .sameAs
                step.mask = UInt64(other.rawValue)
                return put(step, onTrue, onFalse)
            default: break
            }
            switch test.field.shape {
            case .word:
                step.operation = .words
                step.mask = Self.mask(test)
                return put(step, onTrue, onFalse)
            case .number, .clock:
                step.operation = .ranges
                step.first = Int32(ranges.count)
                for value in test.values { ranges += FieldValue.ranges(value, test) }
                step.count = Int32(ranges.count) - step.first
                return put(step, onTrue, onFalse)
            case .address:
                step.operation = .networks
                step.first = Int32(networks.count)
                networks += test.values.compactMap(FieldValue.network)
                step.count = Int32(networks.count) - step.first
                return put(step, onTrue, onFalse)
            case .text, .key: return addText(test, step, onTrue, onFalse)
            }
        }

        /// Which of a field's words fit: that is known once and for all.
        private static func mask(_ test: FieldTest) -> UInt64 {
            var mask: UInt64 = 0
            for (i, word) in test.field.words.enumerated() {
                var plain = FieldTest(.userName, test.comparison, test.values)
                plain.isCased = test.isCased
                let program = ConditionProgram(.test(plain), zone: .utc)
                var word = word
                let isFitting = word.withUTF8 { bytes in
                    var sighting = Sighting()
                    sighting.record.userName = TextView(bytes)
                    return withUnsafePointer(to: sighting) { program.fits($0) }
                }
                if isFitting { mask |= 1 << UInt64(i) }
            }
            return mask
        }

        private mutating func addText(
            _ test: FieldTest, _ step: Step, _ onTrue: Int16, _ onFalse: Int16
        ) -> Int16 {
            // Values of one kind are one step; the dearest are tried last.
            var plain: [[UInt8]] = []
            var globs: [[UInt8]] = []
            var patterns: [String] = []
            for value in test.values {
                if test.comparison == .regularExpression {
                    patterns.append(value)
                    continue
                }
                let (hasAny, bytes) = TextPattern.wildcards(value)
                // Letters beyond ASCII fold in ways of their own, which RE2 knows.
                if !test.isCased, value.utf8.contains(where: { $0 >= 0x80 }) {
                    let (head, tail) =
                        switch test.comparison {
                        case .startsWith: ("\\A", "")
                        case .endsWith: ("", "\\z")
                        case .contains: ("", "")
                        default: ("\\A", "\\z")
                        }
                    patterns.append(
                        "(?i)" + head + TextPattern.quoted(value, isGlob: hasAny) + tail)
                } else if hasAny {
                    let glob =
                        switch test.comparison {
                        case .startsWith: value + "*"
                        case .endsWith: "*" + value
                        case .contains: "*" + value + "*"
                        default: value
                        }
                    globs.append(Array(glob.utf8).map { test.isCased ? $0 : TextPattern.fold($0) })
                } else {
                    plain.append(bytes.map { test.isCased ? $0 : TextPattern.fold($0) })
                }
            }
            var next = onFalse
            if !patterns.isEmpty {
                var step = step
                step.operation = .regex
                step.first = Int32(expressions.count)
                for pattern in patterns {
                    if case .success(let made) = RegularExpression.make(pattern) {
                        expressions.append(made)
                    }
                }
                step.count = Int32(expressions.count) - step.first
                next = put(step, onTrue, next)
            }
            if !globs.isEmpty {
                next = put(self.step(step, .glob, globs), onTrue, next)
            }
            if !plain.isEmpty || next == onFalse {
                let operation: Operation =
                    switch test.comparison {
                    case .contains: .contains
                    case .startsWith: .startsWith
                    case .endsWith: .endsWith
                    default: .equals
                    }
                next = put(self.step(step, operation, plain), onTrue, next)
            }
            return next
        }

        private mutating func step(
            _ step: Step, _ operation: Operation, _ values: [[UInt8]]
        ) -> Step {
            var step = step
            step.operation = operation
            step.first = Int32(texts.count)
            step.count = Int32(values.count)
            for value in values {
                texts.append(bytes.count..<bytes.count + value.count)
                bytes += value
            }
            return step
        }
    }
}

/// Reading what a test compares with; used when a rule is checked, and again when it is compiled.
public enum FieldValue {
    /// Minutes of the day or numbers that fit; empty when the value is none.
    public static func ranges(_ value: String, _ test: FieldTest) -> [ClosedRange<Double>] {
        if test.field == .timeOfDay { return clock(value) }
        guard let number = Double(value), number.isFinite else { return [] }
        return switch test.comparison {
        case .less: [-Double.infinity...number.nextDown]
        case .lessOrEqual: [-Double.infinity...number]
        case .greater: [number.nextUp...Double.infinity]
        case .greaterOrEqual: [number...Double.infinity]
        default: [number...number]
        }
    }

    /// `22:00-06:00`: from the first up to, not with, the second; over midnight where it is earlier.
    static func clock(_ value: String) -> [ClosedRange<Double>] {
        func minutes(_ text: Substring) -> Double? {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, parts.allSatisfy({ (1...2).contains($0.utf8.count) }),
                parts.allSatisfy({ $0.utf8.allSatisfy { (48...57).contains($0) } }),
                let hour = Int(parts[0]), let minute = Int(parts[1]), minute < 60,
                hour < 24 || hour == 24 && minute == 0
            else { return nil }
            return Double(hour * 60 + minute)
        }
        let parts = value.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let from = minutes(parts[0]), let to = minutes(parts[1]), from != to
        else { return [] }
        if from < to { return [from...to - 1] }
        return (to > 0 ? [0...to - 1] : []) + (from < 1440 ? [from...1439] : [])
    }

    /// An address, or a network with zeros behind its prefix; nil for anything else.
    static func network(_ value: String) -> ConditionProgram.Network? {
        let parts = value.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let address = IPAddress(String(parts[0])), !address.isNone else {
            return value == "::/0"
                ? .init(high: 0, low: 0, highMask: 0, lowMask: 0) : nil
        }
        let widest = address.isV4 ? 32 : 128
        var length = widest
        if parts.count == 2 {
            guard let given = Int(parts[1]), (0...widest).contains(given) else { return nil }
            length = given
        }
        let bits = address.isV4 ? length + 96 : length
        let highMask = bits >= 64 ? UInt64.max : ~(UInt64.max >> UInt64(bits))
        let lowMask =
            bits <= 64 ? 0 : bits == 128 ? UInt64.max : ~(UInt64.max >> UInt64(bits - 64))
        guard address.high & ~highMask == 0, address.low & ~lowMask == 0 else { return nil }
        return .init(high: address.high, low: address.low, highMask: highMask, lowMask: lowMask)
    }

    public static func isNetwork(_ value: String) -> Bool { network(value) != nil }
    public static func isClock(_ value: String) -> Bool { !clock(value).isEmpty }
}
