package natslog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/profferhq/proffer/domain"
)

const (
	// attemptWithin bounds one request; longer silence means that its outcome is unknown.
	attemptWithin = 2 * time.Second
	// The waits between attempts.
	firstWait = 10 * time.Millisecond
	lastWait  = 500 * time.Millisecond
)

// The server's error codes that are known here: of creating a stream, and of the append rule.
const (
	codeNoPeers           jetstream.ErrorCode = 10005
	codeAccountLimit      jetstream.ErrorCode = 10002
	codeInsufficient      jetstream.ErrorCode = 10023
	codeMemoryExceeded    jetstream.ErrorCode = 10028
	codeStorageExceeded   jetstream.ErrorCode = 10047
	codeMessageTooLarge   jetstream.ErrorCode = 10054
	codeWrongSequence     jetstream.ErrorCode = 10071
	codeStoreFailed       jetstream.ErrorCode = 10077
	codeDuplicateInFlight jetstream.ErrorCode = 10158
	codeWrongSequenceBusy jetstream.ErrorCode = 10164
)

// verdict is what one attempt says about the envelope.
type verdict int

const (
	accepted  verdict = iota // it is in the log
	refused                  // it is not, and trying again does not help
	notTaken                 // it is not, try again
	uncertain                // look at the lane's end
)

// publish makes one envelope of the frames durable and returns it, if the stream ends at end still (or that is anyEnd). It
// runs in the holder of the lane's turn, one at a time.
func (ln *lane) publish(frames [][]byte, end uint64) (domain.Envelope, error) {
	started := time.Now()
	defer func() { ln.counts.publishNanos.Add(int64(time.Since(started))) }()
	ctx, cancel := context.WithTimeout(context.Background(), ln.log.options.Patience)
	defer cancel()
	if err := ln.settle(ctx); err != nil {
		return domain.Envelope{}, err
	}
	buffer, hash := domain.EncodeEnvelope(ln.buffer[:0], ln.end.hash, frames)
	ln.buffer = buffer
	envelope := domain.Envelope{Lane: ln.id, Prev: ln.end.hash, Hash: hash, Frames: frames}
	msg := ln.message(buffer, hash, end)
	maybeSent := false
	wait := firstWait
	for try := 0; ; try++ {
		if try > 0 {
			ln.counts.retries.Add(1)
		}
		sequence, v, err := ln.log.attempt(ctx, msg)
		switch v {
		case accepted:
			ln.advance(sequence, hash)
			envelope.Sequence = sequence
			return envelope, nil
		case uncertain:
			maybeSent = true
			done, resolved := ln.resolve(ctx, hash)
			if done {
				envelope.Sequence = ln.end.sequence
				return envelope, resolved
			}
			if resolved == nil && end != anyEnd && wrongSequence(err) { // the lane ends as before: it is the stream that goes on
				ln.doubt(hash, maybeSent)
				return domain.Envelope{}, domain.ErrLaneLost
			}
			err = errors.Join(err, resolved)
			if resolved == nil && ln.alone { // the stream ends otherwise than the lane: a hole, or a message of no lane
				ln.alone = false
				msg = ln.message(buffer, hash, end)
			}
		case refused:
			ln.doubt(hash, maybeSent)
			return domain.Envelope{}, err
		}
		if !pause(ctx, &wait) {
			ln.doubt(hash, maybeSent)
			return domain.Envelope{}, fmt.Errorf("%w: no success within %s: %w", domain.ErrUnavailable, ln.log.options.Patience, err)
		}
	}
}

// message is the envelope with its fence, where the stream must end, and its id: the envelope's hash and the lane, as lanes
// of one stream may begin with the same bytes, and ids are the stream's.
func (ln *lane) message(data []byte, hash domain.Hash, end uint64) *nats.Msg {
	header := nats.Header{jetstream.MsgIDHeader: []string{hash.String() + "." + ln.id.Key}}
	fence := jetstream.ExpectedLastSubjSeqHeader
	if end != anyEnd {
		header[jetstream.ExpectedLastSeqHeader] = []string{strconv.FormatUint(end, 10)}
	} else if ln.alone && ln.end.sequence > 0 {
		fence = jetstream.ExpectedLastSeqHeader
	}
	header[fence] = []string{strconv.FormatUint(ln.end.sequence, 10)}
	return &nats.Msg{Subject: ln.subject, Data: data, Header: header}
}

// wrongSequence says whether the server refused an attempt because the lane or the stream ends elsewhere.
func wrongSequence(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.ErrorCode == codeWrongSequence
}

// advance notes that the envelope is the lane's last.
func (ln *lane) advance(sequence uint64, hash domain.Hash) {
	ln.end = &laneEnd{sequence: sequence, hash: hash}
	ln.unknown, ln.unsure = nil, false
}

// doubt remembers an envelope that may be in the log, or land there yet: the lane's end is read again before
// anything else is published.
func (ln *lane) doubt(hash domain.Hash, maybeSent bool) {
	if maybeSent {
		ln.unknown, ln.unsure = append(ln.unknown, hash), true
	}
}

// settle sees to it that the lane's end is known: at the first publish, and after an unknown outcome.
func (ln *lane) settle(ctx context.Context) error {
	if ln.end != nil && !ln.unsure {
		return nil
	}
	end, err := ln.log.end(ctx, ln.id)
	if err != nil {
		return err
	}
	return ln.adopt(end)
}

// adopt takes the end that was read, if it is the one known before or an own envelope of unknown outcome.
func (ln *lane) adopt(end laneEnd) error {
	if ln.end != nil && end != *ln.end && !slices.Contains(ln.unknown, end.hash) {
		return domain.ErrLaneLost
	}
	if ln.end == nil || end != *ln.end {
		ln.advance(end.sequence, end.hash)
	}
	ln.unsure = false
	return nil
}

// resolve finds out what an uncertain attempt did, by the lane's last message: this envelope means success, the
// message known before means try again (not done), an own envelope whose outcome was unknown means that it
// landed late, and anything else that the lane has another owner.
func (ln *lane) resolve(ctx context.Context, hash domain.Hash) (done bool, err error) {
	end, err := ln.log.lastOf(ctx, ln.id)
	switch {
	case err != nil:
		return false, err
	case end.hash == hash:
		ln.counts.recovered.Add(1)
		ln.advance(end.sequence, hash)
		return true, nil
	case end == *ln.end:
		return false, nil
	case slices.Contains(ln.unknown, end.hash):
		ln.advance(end.sequence, end.hash)
		return true, fmt.Errorf("%w: an earlier append landed late; nothing of this one is in", domain.ErrUnavailable)
	}
	return true, domain.ErrLaneLost
}

// attempt publishes once.
func (l *Log) attempt(ctx context.Context, msg *nats.Msg) (uint64, verdict, error) {
	within, cancel := context.WithTimeout(ctx, attemptWithin)
	defer cancel()
	reply, err := l.nc.RequestMsgWithContext(within, msg)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return 0, notTaken, errors.New("no server answers for the stream")
	case errors.Is(err, nats.ErrConnectionClosed): // for good
		return 0, refused, fmt.Errorf("%w: %w", domain.ErrUnavailable, err)
	case errors.Is(err, nats.ErrMaxPayload):
		return 0, refused, fmt.Errorf("%w: %w", domain.ErrTooLarge, err)
	case err != nil:
		return 0, uncertain, err
	}
	return judge(reply.Data)
}

// judge reads the server's answer to a publish.
func judge(answer []byte) (uint64, verdict, error) {
	var ack struct {
		Sequence  uint64              `json:"seq"`
		Duplicate bool                `json:"duplicate"`
		Error     *jetstream.APIError `json:"error"`
	}
	if err := json.Unmarshal(answer, &ack); err != nil {
		return 0, uncertain, fmt.Errorf("read the acknowledgement: %w", err)
	}
	if ack.Error == nil {
		if ack.Sequence == 0 || ack.Duplicate { // in the log since an earlier attempt, says the server: look
			return 0, uncertain, errors.New("the server has the envelope already")
		}
		return ack.Sequence, accepted, nil
	}
	switch ack.Error.ErrorCode {
	case codeWrongSequence, codeWrongSequenceBusy, codeDuplicateInFlight:
		return 0, uncertain, ack.Error
	case codeInsufficient, codeMemoryExceeded, codeStorageExceeded, codeAccountLimit:
		return 0, refused, fmt.Errorf("%w: %w", domain.ErrLogFull, ack.Error)
	case codeStoreFailed:
		if strings.Contains(ack.Error.Description, "exceeded") {
			return 0, refused, fmt.Errorf("%w: %w", domain.ErrLogFull, ack.Error)
		}
		return 0, notTaken, ack.Error
	case codeMessageTooLarge:
		return 0, refused, fmt.Errorf("%w: %w", domain.ErrTooLarge, ack.Error)
	}
	if ack.Error.Code >= 500 {
		return 0, notTaken, ack.Error
	}
	return 0, refused, ack.Error
}

// end is lastOf, tried until the context ends.
func (l *Log) end(ctx context.Context, id domain.Lane) (end laneEnd, err error) {
	err = steadily(ctx, func(ctx context.Context) error {
		end, err = l.lastOf(ctx, id)
		return err
	})
	return end, err
}

// lastOf asks the stream's leader for the lane's last message and checks it.
func (l *Log) lastOf(ctx context.Context, id domain.Lane) (laneEnd, error) {
	within, cancel := context.WithTimeout(ctx, attemptWithin)
	defer cancel()
	msg, err := l.streams[id.Stream].GetLastMsgForSubject(within, id.Subject())
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return laneEnd{}, nil
	}
	if err != nil {
		return laneEnd{}, fmt.Errorf("read the lane's end: %w", unavailable(err))
	}
	env, err := domain.DecodeEnvelope(msg.Data)
	if err != nil {
		return laneEnd{}, fmt.Errorf("read the lane's end: %w (%s/%d)", err, id.Stream, msg.Sequence)
	}
	return laneEnd{sequence: msg.Sequence, hash: env.Hash}, nil
}

// unavailable marks the errors that mean "the server did not answer, or cannot now".
func unavailable(err error) error {
	var api *jetstream.APIError
	if errors.As(err, &api) && api.Code < 500 {
		return err
	}
	return fmt.Errorf("%w: %w", domain.ErrUnavailable, err)
}

// steadily runs a request until it succeeds, fails for good or the context ends; each attempt is bounded, as a
// server without a leader may not answer at all.
func steadily(ctx context.Context, request func(context.Context) error) error {
	wait := firstWait
	for {
		within, cancel := context.WithTimeout(ctx, attemptWithin)
		err := request(within)
		cancel()
		if !errors.Is(err, domain.ErrUnavailable) || errors.Is(err, nats.ErrConnectionClosed) || !pause(ctx, &wait) {
			return err
		}
	}
}

// pause waits before the next attempt, longer each time; false when the context ends first.
func pause(ctx context.Context, wait *time.Duration) bool {
	timer := time.NewTimer(*wait)
	defer timer.Stop()
	*wait = min(2**wait, lastWait)
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
