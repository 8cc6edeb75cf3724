internal import Detection
internal import SessionModel
internal import Yams
internal import Settings

/// Reads one rule's file into a `Rule`.
enum RuleReader {
    static let keys =
        [
            "id", "uuid", "title", "description", "severity", "tags", "references", "detector",
            "limits", "weights", "false_positives", "recommendation", "rung", "enabled", "tests",
        ] + CustomRuleReader.allKeys

    /// What was read, with the places that checks over the whole book point at.
    struct Result {
        var rule: Rule
        var idNode: Node
        var uuidNode: Node
        var detectorNode: Node
        /// Where each limit is set, or else the detector.
        var limitNodes: [String: Node]
        var references: [(rule: String, node: Node)]
    }

    /// - Parameters:
    ///   - family: The folder's name; `fileName` the file's, without `.yaml`.
    ///     Nil: whatever the id is.
    /// - Returns: Nil after logging at least one problem. A rule with problems may be returned, so
    ///   that the checks over the whole book find more; a clean log says that it is sound.
    static func read(
        _ text: String, family: String, fileName: String?, log: ProblemLog
    ) -> Result? {
        guard let root = YAMLDocument.root(of: text, content: "a rule", log: log),
            let reader = FieldReader(root, name: "the rule", keys: keys, log: log)
        else { return nil }

        let id = readID(reader, fileName: fileName)
        let uuid = readUUID(reader)
        let title = reader.text(
            "title", limit: RuleLimit.titleBytes, because: "one line for lists and alerts")
        let description = reader.text(
            "description", because: "why the rule exists and how it judges")
        let severity = reader.required(
            "severity", because: alternatives(Severity.allCases.map(\.name))
        ).flatMap {
            reader.word(
                "severity", of: $0, among: Severity.allCases.map(\.name),
                make: Severity.init(name:))
        }
        let tags = readTags(reader)
        let references = readReferences(reader)
        let detector = readDetector(reader)
        let limits = detector.flatMap { $0.isCustom ? [:] : readLimits(reader, detector: $0) }
        let weights = readWeights(reader)
        let falsePositives = readFalsePositives(reader)
        let recommendation = reader.value("recommendation").map {
            reader.text(of: $0, key: "recommendation")
        }
        let rung = reader.required("rung", because: alternatives(Rung.allCases.map(\.name)))
            .flatMap {
                reader.word(
                    "rung", of: $0, among: Rung.allCases.map(\.name), make: Rung.init(name:))
            }
        if let detector { CustomRuleReader.checkKeys(reader, detector) }
        let isCustom = detector?.isCustom ?? false
        let custom = detector.flatMap {
            isCustom ? CustomRuleReader.read(reader, $0, rung: rung) : nil
        }
        let isEnabled = reader.flag("enabled", absent: true)
        var testReader = RuleTestReader(rule: id ?? fileName ?? "", log: log)
        let tests = reader.value("tests").map { testReader.read($0, reader: reader) ?? [] } ?? []

        guard let id, let uuid, let title, let description, let severity, let tags,
            let references, let detector, let limits, let weights, let falsePositives, let rung,
            let isEnabled, !isCustom || custom != nil
        else { return nil }
        let rule = Rule(
            id: id, uuid: uuid, family: family, title: title, description: description,
            severity: severity, tags: tags, references: references, detector: detector,
            limits: limits, custom: custom, weights: weights, falsePositives: falsePositives,
            recommendation: (recommendation ?? nil) ?? "", rung: rung, isEnabled: isEnabled,
            tests: tests, file: log.file)
        return Result(
            rule: rule, idNode: reader.place("id"), uuidNode: reader.place("uuid"),
            detectorNode: reader.place("detector"),
            limitNodes: limitNodes(reader, detector: detector), references: testReader.references)
    }

    // MARK: - Identity

    /// Lower-case letters, digits and single hyphens, beginning with a letter.
    static func isName(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard let first = bytes.first, (97...122).contains(first), bytes.last != 0x2D,
            bytes.count <= RuleLimit.idBytes
        else { return false }
        for (i, byte) in bytes.enumerated() {
            guard
                (97...122).contains(byte) || (48...57).contains(byte)
                    || (byte == 0x2D && bytes[i - 1] != 0x2D)
            else { return false }
        }
        return true
    }

    private static func readID(_ reader: FieldReader, fileName: String?) -> String? {
        guard let id = reader.text("id", because: "the file's name without '.yaml'") else {
            return nil
        }
        guard isName(id) else {
            reader.log.add(
                "The id '\(shown(id))' must be lower-case words joined by '-', at most "
                    + "\(RuleLimit.idBytes) bytes, as 'new-country'.", at: reader.place("id"))
            return nil
        }
        if let fileName, id != fileName {
            reader.log.add(
                "The id '\(id)' is not the file's name. Name the file '\(id).yaml' or write "
                    + "'id: \(shown(fileName))'.", at: reader.place("id"))
        }
        return id
    }

    private static func readUUID(_ reader: FieldReader) -> String? {
        guard let text = reader.text("uuid", because: "a random UUID (version 4)") else {
            return nil
        }
        let bytes = Array(text.utf8)
        let isRandom =
            bytes.count == 36
            && bytes.enumerated().allSatisfy { i, byte in
                switch i {
                case 8, 13, 18, 23: byte == 0x2D
                case 14: byte == 0x34
                case 19: [0x38, 0x39, 0x61, 0x62].contains(byte)
                default: (48...57).contains(byte) || (97...102).contains(byte)
                }
            }
        if isRandom { return text }
        reader.log.add(
            "'uuid' is '\(shown(text))', which is no version 4 UUID in lower case, as "
                + "/proc/sys/kernel/random/uuid gives.", at: reader.place("uuid"))
        return nil
    }

    // MARK: - Lists

    private static func readTags(_ reader: FieldReader) -> [String]? {
        guard
            let node = reader.required(
                "tags", because: "at least one ATT&CK technique, as 'attack.t1078'"),
            let items = reader.items(of: node, key: "tags")
        else { return nil }
        var tags: [String] = []
        for item in items {
            guard let tag = reader.text(of: item, key: "tags") else { continue }
            if let problem = Tag.problem(with: shown(tag)) {
                reader.log.add(problem, at: item)
            } else if tags.contains(tag) {
                reader.log.add("The tag '\(tag)' is there twice. Remove one.", at: item)
            }
            tags.append(tag)
        }
        if items.isEmpty {
            reader.log.add("'tags' is empty. Add an ATT&CK technique, as 'attack.t1078'.", at: node)
        }
        return tags
    }

    private static func readReferences(_ reader: FieldReader) -> [String]? {
        guard let references = reader.texts("references") else { return nil }
        for reference in references
        where !(reference.hasPrefix("https://") || reference.hasPrefix("http://"))
            || reference.contains(where: { $0.isWhitespace })
        {
            reader.log.add(
                "The reference '\(shown(reference))' must be an address that begins with "
                    + "'https://'.", at: reader.place("references"))
        }
        return references
    }

    private static func readFalsePositives(_ reader: FieldReader) -> [String]? {
        guard
            reader.required(
                "false_positives", because: "what sets the rule off without an intruder") != nil,
            let texts = reader.texts("false_positives")
        else { return nil }
        if texts.isEmpty, reader.log.isClean {
            reader.log.add(
                "'false_positives' is empty. Say what sets the rule off without an intruder.",
                at: reader.place("false_positives"))
        }
        return texts
    }

    // MARK: - Judgement

    private static func readDetector(_ reader: FieldReader) -> DetectorKind? {
        let known = DetectorKind.allCases.map(\.rawValue)
        return reader.required("detector", because: alternatives(known)).flatMap {
            reader.word("detector", of: $0, among: known, make: DetectorKind.init(rawValue:))
        }
    }

    private static func readLimits(
        _ reader: FieldReader, detector: DetectorKind
    ) -> [String: Double]? {
        let specs = detector.parameters
        var limits: [String: Double] = [:]
        for spec in specs { limits[spec.name] = spec.defaultValue }
        guard let node = reader.value("limits") else { return limits }
        guard
            let fields = FieldReader(
                node, name: "the limits of \(detector.rawValue)", keys: specs.map(\.name),
                log: reader.log)
        else { return nil }
        for spec in specs {
            guard let node = fields.value(spec.name) else { continue }
            if let value = fields.number(
                spec.name, of: node, in: spec.range, unit: spec.unit, isWhole: spec.isWhole)
            {
                limits[spec.name] = value
            }
        }
        return limits
    }

    private static func limitNodes(
        _ reader: FieldReader, detector: DetectorKind
    ) -> [String: Node] {
        var nodes: [String: Node] = [:]
        for spec in detector.parameters { nodes[spec.name] = reader.place("detector") }
        if case .mapping(let pairs)? = reader.value("limits") {
            for (key, _) in pairs {
                if case .scalar(let scalar) = key { nodes[scalar.string] = key }
            }
        }
        return nodes
    }

    private static func readWeights(_ reader: FieldReader) -> DetectionRule.Weights? {
        let names = Confidence.allCases.map(\.name)
        let reason = "how likely a taken account is, 0 to 1, for \(alternatives(names))"
        guard let node = reader.required("weights", because: reason),
            let fields = FieldReader(node, name: "'weights'", keys: names, log: reader.log)
        else { return nil }
        var values: [Double] = []
        for name in names {
            guard let node = fields.required(name, because: "a number of 0 to 1"),
                let value = fields.number(name, of: node, in: 0...1, unit: "", isWhole: false)
            else { continue }
            values.append(value)
        }
        guard values.count == names.count else { return nil }
        if values != values.sorted() {
            reader.log.add(
                "The weights must not fall from possible over likely to certain.", at: node)
        }
        return DetectionRule.Weights(possible: values[0], likely: values[1], certain: values[2])
    }
}
