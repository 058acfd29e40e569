// What the sample tickets are made of. The shop, its customers and everything they write are invented for this project.
//
// `{name}` stands for a drawn value: order, item, other (another item), days, amount, date, city, carrier, person.

/** What customers of a shop for outdoor gear write about, and what a label is called. */
export const intents = [
  "order_status",
  "late_delivery",
  "damaged_item",
  "wrong_item",
  "return_request",
  "refund_status",
  "cancel_order",
  "change_address",
  "payment_failed",
  "invoice_copy",
  "account_access",
  "product_question",
] as const;
export type Intent = (typeof intents)[number];

export const openings = [
  "",
  "",
  "Hi,",
  "Hello there,",
  "Good morning,",
  "Dear team,",
  "hey",
  "To whom it may concern,",
  "Hi again, second message this week.",
  "Sorry to bother you.",
  "Quick one:",
] as const;

export const closings = [
  "",
  "",
  "Thanks!",
  "Thank you, {person}",
  "Best regards,\n{person}",
  "Please get back to me soon.",
  "cheers, {person}",
  "I would appreciate an answer before {date}.",
  "Sent from my phone",
  "Kind regards from {city}, {person}",
] as const;

export const asides = [
  "",
  "",
  "",
  "I have been a customer since your first shop in {city} and this never happened before.",
  "My order number should be {order}, I hope I copied it right.",
  "It is meant as a present, so timing matters.",
  "I already looked through the help pages and found nothing.",
  "Your chat window closed on me twice, hence this mail.",
  "We leave for the mountains in {days} days.",
  "Your colleague on the phone was friendly but could not help.",
] as const;

export const statements: Readonly<Record<Intent, readonly string[]>> = {
  order_status: [
    "Could you tell me where order {order} is right now?",
    "I ordered the {item} on {date} and would like to know whether it has left your warehouse.",
    "Is there a tracking number for {order}? The confirmation mail does not have one.",
    "The page says 'in preparation' for {days} days now. What does that mean for my {item}?",
    "Has my {item} been handed to {carrier} yet?",
  ],
  late_delivery: [
    "{carrier} promised my {item} for {date} and it is still not here.",
    "It has been {days} days since you shipped {order}. Standard delivery should take three.",
    "The parcel with the {item} has not moved from the depot in {city} for {days} days.",
    "My delivery is overdue. I stayed home twice for {carrier} and nobody rang.",
    "Order {order} should have been here last week. What is going on?",
  ],
  damaged_item: [
    "The {item} arrived with a torn seam along the side, photos attached.",
    "I opened the box today and the {item} is cracked. The carton was dented too.",
    "One buckle of the {item} is broken right out of the packaging.",
    "The zip of my new {item} came apart the first time I used it.",
    "{carrier} left the parcel in the rain and the {item} is ruined.",
  ],
  wrong_item: [
    "I ordered the {item} and you sent me the {other} instead.",
    "Order {order}: the {item} came in the wrong size. It says L on the invoice and S on the tag.",
    "There is a {other} in my parcel that I never ordered, and the {item} is missing.",
    "You packed the {item} in green, I had chosen blue.",
    "I got somebody else's order. The slip names a {other} and an address in {city}.",
  ],
  return_request: [
    "I would like to send the {item} back, it does not fit. How do I do that?",
    "Please send me a return label for order {order}.",
    "The {item} is nice but not what I need. Am I still within the return period after {days} days?",
    "Can I return the {other} and keep the {item} from the same order?",
    "Is it possible to hand a return in at your shop in {city}?",
  ],
  refund_status: [
    "I returned the {item} {days} days ago and still have not got my {amount} back.",
    "When will the refund for {order} reach my account?",
    "You confirmed my return on {date}. Where is my money?",
    "Only part of the refund arrived: {amount} are missing.",
    "My bank says there is no incoming payment from you for {order}.",
  ],
  cancel_order: [
    "Please cancel order {order}, I ordered the {item} twice by accident.",
    "I changed my mind about the {item}. If it has not shipped, stop it please.",
    "Cancel everything I ordered on {date}. I found it cheaper in {city}.",
    "How do I cancel? The button is greyed out for {order}.",
    "I do not want to wait {days} more days for the {item}. Cancel it.",
  ],
  change_address: [
    "I moved to {city} last week. Can {order} still go to the new address?",
    "There is a typo in the house number of my delivery address for {order}.",
    "Please deliver the {item} to my office instead of my home.",
    "How can I change the address that is stored in my account? I live in {city} now.",
    "Could {carrier} leave it at a pick-up point instead? I am away for {days} days.",
  ],
  payment_failed: [
    "My card was declined three times for the {item}, but the bank says it is fine.",
    "The payment page shows an error after the confirmation step and {amount} is reserved on my card.",
    "I paid for {order} and your shop still says 'payment open'.",
    "I was charged twice: two times {amount} on {date}.",
    "Paying by invoice is not offered to me any more. Why?",
  ],
  invoice_copy: [
    "I need the invoice for {order} with VAT shown separately, for my tax return.",
    "The PDF of my invoice from {date} cannot be opened.",
    "Could you issue the invoice over {amount} to my company instead of to me?",
    "Please send me all invoices of this year again.",
    "The invoice for the {item} names the wrong customer.",
  ],
  account_access: [
    "I cannot log in. The reset mail never arrives, also not in the spam folder.",
    "My account is locked after too many tries. Can you open it again?",
    "I no longer have the phone that gets the sign-in code.",
    "Somebody changed the mail address of my account and it was not me.",
    "Your site logs me out every time I open my order history.",
  ],
  product_question: [
    "Is the {item} waterproof enough for a week of rain?",
    "Does the {item} fit together with the {other}?",
    "How heavy is the {item} without the bag?",
    "Can the {item} be washed in a machine?",
    "When will the {item} be back in stock in size M?",
  ],
};

export const values: Readonly<Record<string, readonly string[]>> = {
  item: [
    "two-person tent",
    "down sleeping bag",
    "trekking backpack",
    "gas stove",
    "rain jacket",
    "hiking boots",
    "head torch",
    "water filter",
    "climbing harness",
    "folding chair",
    "sleeping mat",
    "merino shirt",
  ],
  other: ["child carrier", "snowshoe set", "camping kettle", "dry bag", "fishing rod", "bike pump"],
  city: ["Hamburg", "Leeds", "Graz", "Porto", "Bergen", "Utrecht", "Lyon", "Galway", "Turin", "Basel"],
  carrier: ["the courier", "your parcel service", "the delivery company", "the post"],
  person: [
    "Mara Linden",
    "Tom Ashby",
    "J. Okafor",
    "Nils Berg",
    "Priya R.",
    "Ewa Nowak",
    "Sam",
    "Inês Duarte",
    "R. Feld",
    "Aoife",
  ],
};
