//! Answers as Exchange Online writes them, of any number of items.

use std::fmt::Write as _;

use bytes::Bytes;

pub(crate) fn id(n: usize) -> String {
    format!(
        "AAMkADllMTlhYmUxLTg5MTctNDI4ZS1iNDdlLTM2NTk2Y2E5ODA0MwBGAAAAAADW58Si2h5DR47ERsh76m/ZBwC30utV9Qm1Tp6i563HuBDKAAAAAAEMAAC30utV9Qm1Tp6i563HuBDKAA{n:010}AAA="
    )
}

pub(crate) fn envelope(operation: &str, messages: &str) -> Bytes {
    Bytes::from(format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\">\
         <s:Header><h:ServerVersionInfo MajorVersion=\"15\" MinorVersion=\"20\" MajorBuildNumber=\"3370\" \
         MinorBuildNumber=\"16\" xmlns:h=\"http://schemas.microsoft.com/exchange/services/2006/types\"/></s:Header>\
         <s:Body><m:{operation}Response xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\" \
         xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\"><m:ResponseMessages>{messages}\
         </m:ResponseMessages></m:{operation}Response></s:Body></s:Envelope>"
    ))
}

fn summary(n: usize) -> String {
    format!(
        "<t:ItemId Id=\"{}\" ChangeKey=\"CQAAABYAAAC30utV9Qm1Tp6i563HuBDKAAER7Bl4\"/><t:ParentFolderId \
         Id=\"AQMkADllMTlhYmUxLTg5MTctNDI4ZS1iNDdlLTM2NTk2Y2E5ODA0MwAuAAAD1ufEotoeQ0eOxEbIe+pv2QEAt9LrVfUJtU6eouetx7gQ\" \
         ChangeKey=\"AQAAAA==\"/><t:Subject>Invoice {n} &amp; reminder, please pay until Friday</t:Subject>\
         <t:DateTimeReceived>2026-11-21T05:00:00Z</t:DateTimeReceived><t:Size>{}</t:Size>\
         <t:HasAttachments>false</t:HasAttachments><t:From><t:Mailbox><t:Name>Accounts Payable</t:Name>\
         <t:EmailAddress>accounts{n}@supplier.example</t:EmailAddress><t:RoutingType>SMTP</t:RoutingType>\
         <t:MailboxType>OneOff</t:MailboxType></t:Mailbox></t:From>\
         <t:InternetMessageId>&lt;{n}.5f2c1b@mail.supplier.example&gt;</t:InternetMessageId><t:IsRead>true</t:IsRead>",
        id(n),
        4000 + n
    )
}

pub(crate) fn find(count: usize) -> Bytes {
    let mut rows = String::new();
    for n in 0..count {
        write!(rows, "<t:Message>{}</t:Message>", summary(n)).unwrap();
    }
    envelope(
        "FindItem",
        &format!(
            "<m:FindItemResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode>\
             <m:RootFolder IndexedPagingOffset=\"{count}\" TotalItemsInView=\"{count}\" IncludesLastItemInRange=\"true\">\
             <t:Items>{rows}</t:Items></m:RootFolder></m:FindItemResponseMessage>"
        ),
    )
}

pub(crate) fn get_message(n: usize, inner: &str) -> String {
    format!(
        "<m:GetItemResponseMessage ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode><m:Items>\
         <t:Message>{inner}{}</t:Message></m:Items></m:GetItemResponseMessage>",
        summary(n)
    )
}
