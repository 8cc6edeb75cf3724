import Publishing
import SessionModel

/// A record in the native format.
enum RecordLine {
    static func write(
        _ record: Happening, id: String, person: Person, into out: inout [UInt8]
    ) {
        out.append(json: "{\"id\":")
        out.append(jsonString: id)
        out.append(json: ",\"time\":")
        out.append(jsonTime: Timestamp(milliseconds: record.time))
        out.append(json: ",\"event\":")
        out.append(jsonString: record.event.name)
        out.append(json: ",\"outcome\":")
        out.append(jsonString: record.outcome.name)
        out.append(json: ",\"user\":{\"id\":")
        out.append(jsonString: person.id)
        out.append(json: ",\"name\":")
        out.append(jsonString: person.name)
        out.append(json: "}")
        if !record.session.isEmpty {
            out.append(json: ",\"session\":{\"id\":")
            out.append(jsonString: record.session)
            out.append(json: "}")
        }
        if !record.device.isEmpty {
            out.append(json: ",\"device\":{\"id\":")
            out.append(jsonString: record.device)
            out.append(json: "}")
        }
        out.append(json: ",\"ip\":")
        out.append(jsonString: IPAddress(v4: record.address).description)
        out.append(json: ",\"user_agent\":")
        out.append(jsonString: record.agent.text)
        out.append(json: ",\"application\":")
        out.append(jsonString: Application.all[record.application].name)
        if record.auth != .unknown {
            out.append(json: ",\"auth\":{\"method\":")
            out.append(jsonString: record.auth.name)
            out.append(json: "}")
        }
        out.append(json: "}\n")
    }
}

/// Lines of a truth file; `ProofOfJudgement` documents them.
enum TruthLine {
    static func world(users: Int, days: Int, seed: UInt64, into out: inout [UInt8]) {
        out.append(json: "{\"world\":{\"users\":")
        out.append(jsonInteger: users)
        out.append(json: ",\"days\":")
        out.append(jsonInteger: days)
        out.append(json: ",\"seed\":\"")
        out += Array(String(seed).utf8)
        out.append(json: "\"}}\n")
    }

    static func person(_ user: String, scenario: String, into out: inout [UInt8]) {
        out.append(json: "{\"user\":")
        out.append(jsonString: user)
        out.append(json: ",\"scenario\":")
        out.append(jsonString: scenario)
        out.append(json: "}\n")
    }

    static func benign(_ id: String, _ scenario: String, user: String, into out: inout [UInt8]) {
        out.append(json: "{\"record\":")
        out.append(jsonString: id)
        out.append(json: ",\"label\":\"benign\",\"user\":")
        out.append(jsonString: user)
        out.append(json: ",\"scenario\":")
        out.append(jsonString: scenario)
        out.append(json: "}\n")
    }

    static func attack(
        _ id: String, _ record: Happening, _ truth: StrikeTruth, user: String,
        into out: inout [UInt8]
    ) {
        out.append(json: "{\"record\":")
        out.append(jsonString: id)
        out.append(json: ",\"label\":\"attack\",\"attack\":\"attack-")
        out += Array(String(truth.attack).utf8)
        out.append(json: "\",\"kind\":")
        out.append(jsonString: truth.kind.rawValue)
        out.append(json: ",\"user\":")
        out.append(jsonString: user)
        out.append(json: ",\"session\":")
        out.append(jsonString: truth.succeeds ? truth.session : "")
        out.append(json: truth.succeeds ? ",\"takeover\":true" : ",\"takeover\":false")
        out.append(json: ",\"time\":")
        out.append(jsonTime: Timestamp(milliseconds: record.time))
        out.append(json: "}\n")
    }
}
