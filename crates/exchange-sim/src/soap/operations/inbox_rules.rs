//! GetInboxRules and UpdateInboxRules.
//!
//! <https://learn.microsoft.com/exchange/client-developer/web-service-reference/updateinboxrules-operation>

use exchange::rule::{ACTIONS, CONDITIONS, Clause, Kind, Rule, RuleChange};

use super::super::call::Call;
use super::super::fault::SoapFault;
use super::super::out::Out;
use super::super::xml::{Element, MESSAGES, TYPES};
use crate::model::settings::RuleRefusal;
use crate::model::store_error::StoreError;

type Table = [(&'static str, Kind)];

pub(crate) fn answer_get(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["MailboxSmtpAddress"])?;
    let address = call.named_mailbox(request.child("MailboxSmtpAddress").map(Element::text));
    let settings = address.and_then(|address| Ok(call.state.mailbox(&address)?.settings.clone()));
    match settings {
        Err(error) => refuse(&mut call.out, "GetInboxRules", &error, ""),
        Ok(settings) => {
            succeed(&mut call.out, "GetInboxRules");
            let blob = if settings.client_rules { "true" } else { "false" };
            call.out.element("m:OutlookRuleBlobExists", blob);
            // A mailbox without rules has no such element.
            if !settings.rules.is_empty() {
                call.out.raw("<m:InboxRules>");
                settings.rules.iter().for_each(|rule| write(&mut call.out, rule));
                call.out.raw("</m:InboxRules>");
            }
        }
    }
    call.out.raw("</m:GetInboxRulesResponse>");
    Ok(())
}

pub(crate) fn answer_update(call: &mut Call<'_>, request: Element<'_>) -> Result<(), SoapFault> {
    request.sequence(&["MailboxSmtpAddress", "RemoveOutlookRuleBlob", "Operations"])?;
    let lose = request.child("RemoveOutlookRuleBlob").map(Element::flag).transpose()?.unwrap_or(false);
    let changes: Vec<RuleChange> =
        request.required("Operations")?.children().map(change).collect::<Result<_, _>>()?;
    let mut done = Ok(());
    match call.named_mailbox(request.child("MailboxSmtpAddress").map(Element::text)) {
        Err(error) => done = Err((0, RuleRefusal::Store(error))),
        Ok(address) => {
            // All or nothing, as on a server: a refusal takes the earlier ones back.
            let before = call.state.clone();
            for (index, change) in changes.iter().enumerate() {
                // After the first the blob is gone.
                if let Err(refusal) = call.state.change_rules(&address, change, lose) {
                    *call.state = before;
                    done = Err((index, refusal));
                    break;
                }
            }
        }
    }
    let out = &mut call.out;
    match done {
        Ok(()) => succeed(out, "UpdateInboxRules"),
        Err((_, RuleRefusal::Store(error))) => refuse(out, "UpdateInboxRules", &error, ""),
        Err((index, RuleRefusal::Rule(code, field, text))) => {
            let mut errors = Out::default();
            errors.text(&text);
            let error = StoreError::new("ErrorInboxRulesValidationError", "The rule is not valid.");
            let rest = format!(
                "<m:RuleOperationErrors><t:RuleOperationError><t:OperationIndex>{index}</t:OperationIndex><t:ValidationErrors><t:Error><t:FieldURI>{field}</t:FieldURI><t:ErrorCode>{code}</t:ErrorCode><t:ErrorMessage>{}</t:ErrorMessage><t:FieldValue/></t:Error></t:ValidationErrors></t:RuleOperationError></m:RuleOperationErrors>",
                errors.into_text()
            );
            refuse(out, "UpdateInboxRules", &error, &rest);
        }
    }
    out.raw("</m:UpdateInboxRulesResponse>");
    Ok(())
}

/// Begins an answer that is itself the response message.
fn succeed(out: &mut Out, operation: &str) {
    out.raw(&format!(
        "<m:{operation}Response ResponseClass=\"Success\" xmlns:m=\"{MESSAGES}\" xmlns:t=\"{TYPES}\"><m:ResponseCode>NoError</m:ResponseCode>"
    ));
}

fn refuse(out: &mut Out, operation: &str, error: &StoreError, rest: &str) {
    out.raw(&format!(
        "<m:{operation}Response ResponseClass=\"Error\" xmlns:m=\"{MESSAGES}\" xmlns:t=\"{TYPES}\"><m:MessageText>"
    ));
    out.text(&error.text);
    out.raw(&format!(
        "</m:MessageText><m:ResponseCode>{}</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>{rest}",
        error.code
    ));
}

/// `forward_to_recipients` -> `ForwardToRecipients`
fn element_name(name: &str) -> String {
    match name {
        "is_ndr" => return "IsNDR".to_owned(),
        "send_sms_alert_to_recipients" => return "SendSMSAlertToRecipients".to_owned(),
        _ => {}
    }
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    };
    name.split('_').map(word).collect()
}

fn write(out: &mut Out, rule: &Rule) {
    let flag = |value: bool| if value { "true" } else { "false" };
    out.raw("<t:Rule>");
    out.element("t:RuleId", &rule.id);
    out.element("t:DisplayName", &rule.name);
    out.element("t:Priority", &rule.priority.to_string());
    out.element("t:IsEnabled", flag(rule.enabled));
    if !rule.complete {
        out.element("t:IsNotSupported", "true");
    }
    if rule.in_error {
        out.element("t:IsInError", "true");
    }
    for (name, clauses, table) in [
        ("t:Conditions", &rule.conditions, CONDITIONS.as_slice()),
        ("t:Exceptions", &rule.exceptions, CONDITIONS.as_slice()),
        ("t:Actions", &rule.actions, ACTIONS.as_slice()),
    ] {
        if !clauses.is_empty() {
            out.raw(&format!("<{name}>"));
            for (known, kind) in table {
                for clause in clauses.iter().filter(|clause| clause.name == *known) {
                    write_clause(out, clause, *kind);
                }
            }
            out.raw(&format!("</{name}>"));
        }
    }
    out.raw("</t:Rule>");
}

fn write_clause(out: &mut Out, clause: &Clause, kind: Kind) {
    let name = format!("t:{}", element_name(&clause.name));
    let value = |at: usize| clause.values.get(at).map(String::as_str).unwrap_or_default();
    if matches!(kind, Kind::Flag | Kind::Word) {
        return out.element(&name, value(0));
    }
    if kind == Kind::Item {
        out.raw(&format!("<{name} Id=\""));
        out.text(value(0));
        return out.raw("\"/>");
    }
    out.raw(&format!("<{name}>"));
    match kind {
        Kind::Texts => clause.values.iter().for_each(|text| out.element("t:String", text)),
        Kind::People => {
            for person in &clause.values {
                let (routing, address) = match person.split_once(':') {
                    Some(("EX", address)) => ("EX", address),
                    _ => ("SMTP", person.as_str()),
                };
                out.raw("<t:Address>");
                out.element("t:Name", address);
                out.element("t:EmailAddress", address);
                out.element("t:RoutingType", routing);
                out.raw("</t:Address>");
            }
        }
        Kind::Folder => {
            let (element, id) = match value(0).strip_prefix("id:") {
                Some(id) => ("FolderId", id),
                None => ("DistinguishedFolderId", value(0)),
            };
            out.raw(&format!("<t:{element} Id=\""));
            out.text(id);
            out.raw("\"/>");
        }
        _ => {
            let names = if kind == Kind::Times {
                ["t:StartDateTime", "t:EndDateTime"]
            } else {
                ["t:MinimumSize", "t:MaximumSize"]
            };
            for (at, side) in names.into_iter().enumerate().filter(|(at, _)| !value(*at).is_empty()) {
                out.element(side, value(at));
            }
        }
    }
    out.raw(&format!("</{name}>"));
}

fn change(operation: Element<'_>) -> Result<RuleChange, SoapFault> {
    match operation.name() {
        "CreateRuleOperation" => Ok(RuleChange::Create(read(operation.required("Rule")?)?)),
        "SetRuleOperation" => Ok(RuleChange::Set(read(operation.required("Rule")?)?)),
        "DeleteRuleOperation" => Ok(RuleChange::Remove(operation.required("RuleId")?.text())),
        other => Err(operation.violation(&format!("'{other}' is no operation on rules."))),
    }
}

fn read(element: Element<'_>) -> Result<Rule, SoapFault> {
    element.sequence(&[
        "RuleId",
        "DisplayName",
        "Priority",
        "IsEnabled",
        "IsNotSupported",
        "IsInError",
        "Conditions",
        "Exceptions",
        "Actions",
    ])?;
    let priority = element.required("Priority")?;
    let clauses = |name: &str, table: &Table| match element.child(name) {
        Some(clauses) => read_clauses(clauses, table),
        None => Ok(Vec::new()),
    };
    Ok(Rule {
        id: element.child("RuleId").map(Element::text).unwrap_or_default(),
        name: element.required("DisplayName")?.text(),
        priority: priority
            .text()
            .trim()
            .parse()
            .map_err(|_| priority.violation("'Priority' is no number."))?,
        enabled: element.required("IsEnabled")?.flag()?,
        in_error: false,
        complete: true,
        conditions: clauses("Conditions", &CONDITIONS)?,
        exceptions: clauses("Exceptions", &CONDITIONS)?,
        actions: clauses("Actions", &ACTIONS)?,
    })
}

fn read_clauses(element: Element<'_>, table: &Table) -> Result<Vec<Clause>, SoapFault> {
    let names: Vec<String> = table.iter().map(|(name, _)| element_name(name)).collect();
    element.sequence(&names.iter().map(String::as_str).collect::<Vec<_>>())?;
    let mut clauses = Vec::new();
    for child in element.children() {
        let place = names.iter().position(|name| name == child.name());
        // The sequence was checked, so it is there.
        if let Some((name, kind)) = place.and_then(|place| table.get(place)) {
            clauses.push(Clause { name: (*name).to_owned(), values: values(child, *kind)? });
        }
    }
    Ok(clauses)
}

fn values(element: Element<'_>, kind: Kind) -> Result<Vec<String>, SoapFault> {
    Ok(match kind {
        Kind::Flag => vec![element.flag()?.to_string()],
        Kind::Word => vec![element.text().trim().to_owned()],
        Kind::Item => vec![element.required_attribute("Id")?.to_owned()],
        Kind::Texts => element.children().map(Element::text).collect(),
        Kind::People => element
            .children()
            .map(|person| {
                let address = person.required("EmailAddress")?.text();
                let routing = person.child("RoutingType").map(Element::text).unwrap_or_default();
                let smtp = routing.is_empty() || routing == "SMTP";
                Ok(if smtp { address } else { format!("{routing}:{address}") })
            })
            .collect::<Result<_, SoapFault>>()?,
        Kind::Folder => {
            let folder =
                element.children().next().ok_or_else(|| element.violation("A folder is expected."))?;
            let id = folder.required_attribute("Id")?;
            vec![if folder.name() == "FolderId" { format!("id:{id}") } else { id.to_owned() }]
        }
        Kind::Times | Kind::Sizes => {
            let side = |name: &str| element.child(name).map(Element::text).unwrap_or_default();
            if kind == Kind::Times {
                vec![side("StartDateTime"), side("EndDateTime")]
            } else {
                vec![side("MinimumSize"), side("MaximumSize")]
            }
        }
    })
}
