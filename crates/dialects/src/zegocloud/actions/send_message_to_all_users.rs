//! `SendMessageToAllUsers`: a message to every user of an app, the sender among them.
//!
//! The answer says that the message is durable and will be delivered. It has no id: the vendor's
//! has none.

use domain::broadcast::{self, Accepted, Audience, CONTENT_BYTES_MAX, Message, Quota};
use domain::clock::SECOND_US;
use domain::context::DAY_S;
use domain::{presence, users};
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Asked;
use super::list::{Object, parse_body, parse_id};
pub(in crate::zegocloud) use crate::zegocloud::envelope::Nothing as Results;
use crate::zegocloud::envelope::Reply;
use crate::zegocloud::fault::{Code, Fault, shown};

/// What a request must be, for messages.
const EXPECTED: &str = r#"send a POST with a JSON object as its body: {"FromUserId":"userA","MessageType":1,"MessageBody":{"Message":"hello"}}"#;

/// How many are accepted within 24 hours, as documented.
const PER_DAY: usize = 100;

/// How many bytes the sender's id may have.
const USER_ID_BYTES_MAX: usize = 32;

/// How many bytes `ExtendedData` may have.
const EXTENDED_BYTES_MAX: usize = 1 << 10;

/// Text, image, file, audio, video; and what an app makes of its own.
const MESSAGE_TYPES: [u64; 6] = [1, 11, 12, 13, 14, CUSTOM];
const CUSTOM: u64 = 200;

const SUB_TYPE_MAX: u64 = 200;
const PUSH_TYPE_MAX: u64 = 2;

/// As a request gives them. `null` is as good as nothing.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameters {
    from_user_id: Option<String>,
    message_type: Option<u64>,
    sub_msg_type: Option<u64>,
    push_type: Option<u64>,
    message_body: Option<Object<MessageBody>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MessageBody {
    message: Option<String>,
    extended_data: Option<String>,
    has_receipt: Option<Value>,
    offline_push: Option<serde_json::Map<String, Value>>,
}

/// What is delivered, in the vendor's words.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Delivered<'a> {
    from_user_id: &'a str,
    message_type: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_msg_type: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    push_type: Option<u64>,
    message_body: DeliveredBody<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct DeliveredBody<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    extended_data: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    has_receipt: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    offline_push: Option<&'a serde_json::Map<String, Value>>,
}

pub(in crate::zegocloud) async fn answer(asked: &Asked<'_>) -> Result<Reply<Results>, Fault> {
    asked.check_method(&Method::POST, EXPECTED)?;
    let message = message(asked)?;
    let sender = std::slice::from_ref(&message.sender);
    let is_registered =
        users::find(asked.ctx, asked.app, sender).await?.iter().any(Option::is_some);
    // Whoever has logged in may send, too.
    let has_logged_in = !is_registered
        && presence::states(asked.ctx, asked.app, sender).await?.iter().any(Option::is_some);
    if !is_registered && !has_logged_in {
        let why = "FromUserId is not registered, and has not logged in";
        return Err(Fault::new(Code::SenderNotRegistered, why));
    }
    let since_unix_us = message.created_unix_us.saturating_sub(DAY_S * SECOND_US - 1);
    let quota = Quota { since_unix_us, max: PER_DAY };
    match broadcast::accept(asked.ctx, asked.app, message, quota).await? {
        Accepted::Yes(_) => {
            Ok(Reply { code: Code::Success, message: "success", results: Results {} })
        }
        Accepted::OverQuota => {
            let why = format!("{PER_DAY} messages to all users were sent in the last 24 hours");
            Err(Fault::new(Code::ToAllTooFrequent, why))
        }
    }
}

fn message(asked: &Asked<'_>) -> Result<Message, Fault> {
    let unexpected = |found: &str| {
        let why = format!("{found}; {EXPECTED}");
        Fault::new(Code::BusinessParameter, why)
    };
    let not_as_expected = "a parameter has another type than it must have";
    let given = parse_body::<Parameters>(asked.request.body(), not_as_expected);
    let given = given.map_err(|found| unexpected(&found))?;
    let from = given.from_user_id.ok_or_else(|| unexpected("the body has no FromUserId"))?;
    if from.len() > USER_ID_BYTES_MAX {
        return Err(unexpected("FromUserId has more than 32 bytes"));
    }
    let sender = parse_id(&from).map_err(|why| {
        let from = shown(&from);
        unexpected(&format!("FromUserId {from} cannot be a user ID: {why}"))
    })?;
    let message_type =
        given.message_type.ok_or_else(|| unexpected("the body has no MessageType"))?;
    if !MESSAGE_TYPES.contains(&message_type) {
        return Err(unexpected("MessageType is none of 1, 11, 12, 13, 14 and 200"));
    }
    if given.sub_msg_type.is_some_and(|it| it > SUB_TYPE_MAX) {
        return Err(unexpected("SubMsgType is not 0 to 200"));
    }
    if given.push_type.is_some_and(|it| it > PUSH_TYPE_MAX) {
        return Err(unexpected("PushType is not 0, 1 or 2"));
    }
    let body = given.message_body.ok_or_else(|| unexpected("the body has no MessageBody"))?;
    let Object(MessageBody { message, extended_data, has_receipt, offline_push }) = body;
    let message = message.ok_or_else(|| unexpected("MessageBody has no Message"))?;
    if message.len() > CONTENT_BYTES_MAX {
        let why = format!("Message has more than {CONTENT_BYTES_MAX} bytes");
        return Err(Fault::new(Code::MessageTooLarge, why));
    }
    if extended_data.as_ref().is_some_and(|data| data.len() > EXTENDED_BYTES_MAX) {
        return Err(Fault::new(Code::MessageTooLarge, "ExtendedData has more than 1024 bytes"));
    }
    let delivered = Delivered {
        from_user_id: &from,
        message_type,
        // It says something of messages of an app's own only.
        sub_msg_type: given.sub_msg_type.filter(|_| message_type == CUSTOM),
        push_type: given.push_type,
        message_body: DeliveredBody {
            message: &message,
            extended_data: extended_data.as_deref(),
            has_receipt: has_receipt.as_ref(),
            offline_push: offline_push.as_ref(),
        },
    };
    let body = serde_json::to_string(&delivered).expect("texts, numbers and what JSON was");
    if body.len() > broadcast::BODY_BYTES_MAX {
        return Err(Fault::new(Code::MessageTooLarge, "MessageBody is too large"));
    }
    Ok(Message {
        dialect: "zegocloud".into(),
        action: "SendMessageToAllUsers".into(),
        sender,
        body,
        audience: Audience::EVERYBODY,
        expires_unix_us: None,
        created_unix_us: asked.ctx.clock.now_unix_us(),
    })
}
