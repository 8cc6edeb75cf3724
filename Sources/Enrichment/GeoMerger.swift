import SessionModel

/// The tree of a full database with, for each node, what it would be as one network; and the pruning
/// of it. See `GeoReducer`.
final class GeoMerger {
    private let source: MMDBTree
    private let places: GeoPlaces
    private let centres: GeoCentres
    private let ipv4Node: UInt32?

    /// A network of the reduced file: a centre, a radius and whether the city is named; or none.
    private struct Choice: Hashable {
        /// (centre × steps + step) × 2 + named; negative when there is none.
        var code: Int32
        static let none = Choice(code: -1)
    }

    /// For each node: what it would lose as one network, infinite when it must not be one.
    private let loss: UnsafeMutablePointer<Float>
    private let choice: UnsafeMutablePointer<Choice>

    /// One centre's part of a subtree.
    private struct Part {
        var centre: Int32
        var weight: Float
        /// Of places that bear the centre's city's name.
        var namedWeight: Float
        /// How far from the centre its places are at most, km.
        var spread: Float
    }

    /// A subtree's parts; those above the limit are gathered with their neighbours.
    private static let partLimit = 40
    private var parts: [Part] = []

    init(tree: MMDBTree, places: GeoPlaces, centres: GeoCentres) {
        source = tree
        self.places = places
        self.centres = centres
        ipv4Node = tree.ipv4Node
        loss = .allocate(capacity: tree.nodeCount)
        loss.initialize(repeating: .infinity, count: tree.nodeCount)
        choice = .allocate(capacity: tree.nodeCount)
        choice.initialize(repeating: .none, count: tree.nodeCount)
        parts.reserveCapacity(Self.partLimit * 400)
        _ = survey(0, depth: 0, isOnV4Path: true, isV4: false)
    }

    func free() {
        loss.deallocate()
        choice.deallocate()
    }

    // MARK: Survey

    /// Fills `loss` and `choice` below a node, leaves the subtree's parts on top of `parts`, and
    /// returns the share of its space that has places.
    private func survey(_ node: UInt32, depth: Int, isOnV4Path: Bool, isV4: Bool) -> Float {
        let first = parts.count
        var filled: Float = 0
        var second = first
        for side in 0...1 {
            second = parts.count
            let isOn = isOnV4Path && side == 0
            switch source.kind(source.record(node, side)) {
            case .empty, .invalid: continue
            case .data(let offset):
                filled += leaf(offset, isV4: isV4, depth: depth + 1) ? 1 : 0
            case .node(let next):
                if next == ipv4Node, !(isOn && depth == 95) { continue }  // an alias
                filled += survey(
                    next, depth: depth + 1, isOnV4Path: isOn && depth < 95,
                    isV4: isV4 || next == ipv4Node)
            }
        }
        gather(first, second)
        filled /= 2
        // IPv4 as a whole stays apart from the IPv6 space around it.
        if !isOnV4Path, filled >= 0.5 { (loss[Int(node)], choice[Int(node)]) = judge(first) }
        return filled
    }

    private func leaf(_ offset: UInt32, isV4: Bool, depth: Int) -> Bool {
        let number = Int(places.number(at: offset))
        guard number >= 0 else { return false }
        parts.append(part(ofPlace: number, isV4: isV4, depth: depth))
        return true
    }

    private func part(ofPlace number: Int, isV4: Bool, depth: Int) -> Part {
        let weight = places.weight(isV4: isV4, prefixLength: isV4 ? depth - 96 : depth)
        let centre = centres.ofPlace[number]
        let isNamed = places.all[number].city == centres.all[Int(centre)].city
        return Part(
            centre: centre, weight: weight, namedWeight: isNamed ? weight : 0,
            spread: centres.distance[number])
    }

    /// Makes one list, in order of centres, of the two from `first` and from `second` on.
    private func gather(_ first: Int, _ second: Int) {
        let end = parts.count
        guard second > first, end > second else { return limit(first) }
        var (a, b) = (first, second)
        while a < second || b < end {
            if b >= end || (a < second && parts[a].centre < parts[b].centre) {
                parts.append(parts[a])
                a += 1
            } else if a >= second || parts[b].centre < parts[a].centre {
                parts.append(parts[b])
                b += 1
            } else {
                var both = parts[a]
                both.weight += parts[b].weight
                both.namedWeight += parts[b].namedWeight
                both.spread = max(both.spread, parts[b].spread)
                parts.append(both)
                a += 1
                b += 1
            }
        }
        parts.removeSubrange(first..<end)
        limit(first)
    }

    /// Gathers the lightest parts with the nearest of their country until there are few enough.
    private func limit(_ first: Int) {
        guard parts.count - first > Self.partLimit else { return }
        while parts.count - first > Self.partLimit * 3 / 4 {
            var lightest = first
            for i in first..<parts.count where parts[i].weight < parts[lightest].weight {
                lightest = i
            }
            let light = parts[lightest]
            let centre = centres.all[Int(light.centre)]
            var nearest: (index: Int, km: Float)?
            for i in first..<parts.count where i != lightest {
                let other = centres.all[Int(parts[i].centre)]
                guard other.country == centre.country else { continue }
                let km = other.vector.kilometers(to: centre.vector)
                if nearest == nil || km < nearest!.km { nearest = (i, km) }
            }
            guard let nearest else {
                // The only one of its country: with so many others it will not be merged anyway.
                guard
                    let heaviest = (first..<parts.count).filter({ $0 != lightest })
                        .max(by: { parts[$0].weight < parts[$1].weight })
                else { return }
                parts[heaviest].weight += light.weight
                parts[heaviest].spread = .infinity
                parts.remove(at: lightest)
                continue
            }
            parts[nearest.index].weight += light.weight
            parts[nearest.index].spread = max(
                parts[nearest.index].spread, nearest.km + light.spread)
            parts.remove(at: lightest)
        }
    }

    /// The best single network for the parts from `first` on.
    private func judge(_ first: Int) -> (Float, Choice) {
        let mine = parts[first...]
        guard !mine.isEmpty else { return (.infinity, .none) }
        var total: Float = 0
        for part in mine { total += part.weight }
        var best: (loss: Float, choice: Choice) = (.infinity, .none)
        for candidate in candidates(mine) {
            let centre = centres.all[Int(candidate.centre)]
            var foreign: Float = 0
            var reached = SmallHistogram()
            for part in mine {
                let other = centres.all[Int(part.centre)]
                if other.country != centre.country { foreign += part.weight }
                let km =
                    part.centre == candidate.centre
                    ? part.spread : part.spread + centre.vector.kilometers(to: other.vector)
                reached.add(part.weight, step: Self.step(reaching: km))
            }
            guard foreign <= total * GeoReducer.strayLimit,
                let (step, stray) = reached.best(
                    of: total, limit: GeoReducer.strayLimit, penalty: GeoReducer.strayPenalty)
            else { continue }
            let lost =
                total * Self.lossOfStep[step] + stray * GeoReducer.strayPenalty
                + foreign * GeoReducer.foreignPenalty
            guard lost < best.loss else { continue }
            let isNamed = candidate.namedWeight > total / 2
            best = (lost, choice(candidate.centre, step, isNamed))
        }
        return best
    }

    /// The three heaviest, and the one with the least greatest distance to all.
    private func candidates(_ mine: ArraySlice<Part>) -> [Part] {
        if mine.count <= 3 { return Array(mine) }
        var heaviest: [Part] = []
        for part in mine {
            if heaviest.count < 3 {
                heaviest.append(part)
            } else if let i = heaviest.indices.min(by: {
                heaviest[$0].weight < heaviest[$1].weight
            }), heaviest[i].weight < part.weight {
                heaviest[i] = part
            }
        }
        var middle: (part: Part, km: Float)?
        for part in mine {
            let vector = centres.all[Int(part.centre)].vector
            var farthest: Float = 0
            for other in mine {
                farthest = max(
                    farthest,
                    vector.kilometers(to: centres.all[Int(other.centre)].vector) + other.spread)
                if let middle, farthest >= middle.km { break }
            }
            if middle == nil || farthest < middle!.km { middle = (part, farthest) }
        }
        if let middle, !heaviest.contains(where: { $0.centre == middle.part.centre }) {
            heaviest.append(middle.part)
        }
        return heaviest
    }

    // MARK: Radii

    private static let lossOfStep: [Float] = GeoReducer.radiusSteps.map {
        Float(($0 / GeoReducer.baseRadius).squareRoot())
    }

    /// The step that reaches so far; the number of steps when none does.
    private static func step(reaching km: Float) -> Int {
        // A kilometre for the rounding of centres.
        let needed = Double(km) <= 1 ? GeoReducer.baseRadius : Double(km) + GeoReducer.baseRadius
        return GeoReducer.radiusSteps.firstIndex { $0 >= needed } ?? GeoReducer.radiusSteps.count
    }

    /// Weight by radius step.
    private struct SmallHistogram {
        var weights = [Float](repeating: 0, count: GeoReducer.radiusSteps.count + 1)

        mutating func add(_ weight: Float, step: Int) { weights[step] += weight }

        /// The step with the least sum of loss and penalty for what lies beyond it.
        func best(of total: Float, limit: Float, penalty: Float) -> (step: Int, stray: Float)? {
            var beyond = weights[weights.count - 1]
            var best: (step: Int, stray: Float)?
            var least = Float.infinity
            for step in stride(from: weights.count - 2, through: 0, by: -1) {
                guard beyond <= total * limit else { break }
                let cost = total * GeoMerger.lossOfStep[step] + beyond * penalty
                if cost < least { (least, best) = (cost, (step, beyond)) }
                beyond += weights[step]
            }
            return best
        }
    }

    private func choice(_ centre: Int32, _ step: Int, _ isNamed: Bool) -> Choice {
        let isNamed = isNamed && !centres.all[Int(centre)].city.isEmpty
        let steps = Int32(GeoReducer.radiusSteps.count)
        return Choice(code: (centre * steps + Int32(step)) * 2 + (isNamed ? 1 : 0))
    }

    // MARK: Pruning

    /// The pruned tree when each network costs `price`.
    func tree(pricedAt price: Float) -> MMDBWriter {
        var writer = MMDBWriter(ipVersion: 6)
        var references: [Choice: MMDBWriter.Reference] = [:]
        func reference(_ choice: Choice) -> MMDBWriter.Reference {
            if let known = references[choice] { return known }
            let made = writer.record(output(choice))
            references[choice] = made
            return made
        }
        /// The least cost of a subtree and the subtree itself.
        func prune(
            _ node: UInt32, _ depth: Int, _ isOnV4Path: Bool, _ isV4: Bool
        ) -> (Float, MMDBWriter.Reference) {
            var sides: (MMDBWriter.Reference, MMDBWriter.Reference) = (.empty, .empty)
            var cost: Float = 0
            let mark = writer.mark
            for side in 0...1 {
                let isOn = isOnV4Path && side == 0
                let made: (Float, MMDBWriter.Reference)
                switch source.kind(source.record(node, side)) {
                case .empty, .invalid: continue
                case .data(let offset):
                    let number = Int(places.number(at: offset))
                    guard number >= 0 else { continue }
                    let part = part(ofPlace: number, isV4: isV4, depth: depth + 1)
                    let step = Self.step(reaching: part.spread)
                    made = (
                        price + part.weight * Self.lossOfStep[step],
                        reference(choice(part.centre, step, part.namedWeight > 0))
                    )
                case .node(let next):
                    if next == ipv4Node, !(isOn && depth == 95) { continue }
                    made = prune(next, depth + 1, isOn && depth < 95, isV4 || next == ipv4Node)
                }
                cost += made.0
                if side == 0 { sides.0 = made.1 } else { sides.1 = made.1 }
            }
            // Equal neighbours are one network: paid once.
            let joined = sides.0 == sides.1 && sides.0 != .empty ? cost - price : cost
            if loss[Int(node)] + price <= joined {
                writer.drop(to: mark)
                return (loss[Int(node)] + price, reference(choice[Int(node)]))
            }
            return (joined, writer.join(sides.0, sides.1))
        }
        writer.root = prune(0, 0, true, false).1
        clearSpecialPurpose(&writer)
        aliasIPv4(&writer)
        return writer
    }

    /// Private, shared, reserved and documentation networks are at no place, whatever lies around
    /// them (IANA special-purpose registries; `IPAddress.isSpecialPurpose`).
    private func clearSpecialPurpose(_ writer: inout MMDBWriter) {
        let v4: [(UInt32, Int)] = [
            (0, 8), (0x0A00_0000, 8), (0x6440_0000, 10), (0x7F00_0000, 8), (0xA9FE_0000, 16),
            (0xAC10_0000, 12), (0xC000_0000, 24), (0xC000_0200, 24), (0xC0A8_0000, 16),
            (0xC612_0000, 15), (0xC633_6400, 24), (0xCB00_7100, 24), (0xE000_0000, 3),
        ]
        for (network, length) in v4 {
            writer.set(
                IPAddress(high: 0, low: UInt64(network)), length: length + 96, to: .empty)
        }
        // Documentation; all that is not global unicast, which is 2000::/3.
        let v6: [(UInt64, Int)] = [(0x2001_0db8 << 32, 32), (1 << 62, 2), (1 << 63, 1)]
        for (high, length) in v6 {
            writer.set(IPAddress(high: high, low: 0), length: length, to: .empty)
        }
    }

    /// As MaxMind's files do, for readers that know nothing of mapped and 6to4 addresses.
    private func aliasIPv4(_ writer: inout MMDBWriter) {
        let v4 = writer.reference(at: IPAddress(high: 0, low: 0), length: 96)
        writer.set(IPAddress(v4: 0), length: 96, to: v4)
        writer.set(IPAddress(high: 0x2002 << 48, low: 0), length: 16, to: v4)
    }

    private func output(_ choice: Choice) -> MMDBOutput {
        let steps = GeoReducer.radiusSteps.count
        let centre = centres.all[Int(choice.code) / 2 / steps]
        let radius = GeoReducer.radiusSteps[Int(choice.code) / 2 % steps]
        var location: [MMDBOutput.Pair] = [
            .init(key: "accuracy_radius", value: .uint16(UInt16(radius))),
            .init(key: "latitude", value: .double(centre.latitude)),
            .init(key: "longitude", value: .double(centre.longitude)),
        ]
        if !centre.timeZone.isEmpty {
            location.append(.init(key: "time_zone", value: .string(centre.timeZone)))
        }
        var record: [MMDBOutput.Pair] = []
        if choice.code & 1 == 1 {
            record.append(
                .init(key: "city", value: .map(["names": .map(["en": .string(centre.city)])])))
        }
        record.append(
            .init(
                key: "country", value: .map(["iso_code": .string(centre.country.description)])))
        record.append(.init(key: "location", value: .map(location)))
        return .map(record)
    }
}
