package wire

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
)

// oneOfEach makes one message for each field of its oneof, and fills that field.
func oneOfEach[Message proto.Message](create func() Message) []Message {
	fields := create().ProtoReflect().Descriptor().Oneofs().Get(0).Fields()
	messages := make([]Message, fields.Len())
	for i := range messages {
		messages[i] = create()
		fill(messages[i].ProtoReflect().Mutable(fields.Get(i)).Message())
	}
	return messages
}

// fill sets every field of a message: a list gets one item, a oneof its first field.
func fill(message protoreflect.Message) {
	if span, ok := message.Interface().(*durationpb.Duration); ok {
		span.Seconds, span.Nanos = 3, 500
		return
	}
	fields := message.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		switch {
		case field.ContainingOneof() != nil && field.ContainingOneof().Fields().Get(0) != field:
			continue
		case field.IsList() && field.Message() == nil:
			message.Mutable(field).List().Append(sample(field))
		case field.IsList():
			fill(message.Mutable(field).List().AppendMutable().Message())
		case field.Message() != nil:
			fill(message.Mutable(field).Message())
		default:
			message.Set(field, sample(field))
		}
	}
}

func sample(field protoreflect.FieldDescriptor) protoreflect.Value {
	switch field.Kind() {
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(uint64(100 + field.Number()))
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(uint32(100 + field.Number()))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.EnumKind:
		values := field.Enum().Values()
		return protoreflect.ValueOfEnum(values.Get(values.Len() - 1).Number())
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(string(field.Name()))
	}
	panic("a field of a kind that no message had before: " + field.Kind().String())
}
