"""For patients: pay for one's own held appointment (R3.3). Whoever has the token may; nobody can guess it."""

from django.conf import settings
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from booking import payments as providers
from booking.models import Appointment, Payment
from booking.services import payments
from queueboard.api import guards
from queueboard.api.parsing import body
from queueboard.views.address import written_address


class WaySerializer(serializers.Serializer):
    provider = serializers.ChoiceField(Payment.Provider.choices)


class PaymentSerializer(serializers.ModelSerializer):
    class Meta:
        model = Payment
        fields = ["provider", "state", "amount", "until", "paid_at"]
        read_only_fields = fields


class PrepaymentSerializer(serializers.Serializer):
    """What is to be paid for one's own appointment, and what has been."""

    state = serializers.ChoiceField(Appointment.State.choices, help_text="Of the appointment: held until it is paid.")
    fee = serializers.IntegerField(help_text="In fen; 0: nothing is to be paid.")
    held_until = serializers.DateTimeField(allow_null=True)
    providers = serializers.ListField(child=serializers.ChoiceField(Payment.Provider.choices))
    payments = PaymentSerializer(many=True)


class StartedSerializer(PaymentSerializer):
    url = serializers.CharField(help_text="Where to send the payer's browser.")

    class Meta(PaymentSerializer.Meta):
        fields = [*PaymentSerializer.Meta.fields, "url"]
        read_only_fields = fields


@extend_schema(tags=["patients"], auth=[])
class Prepayment(APIView):
    """The prepayment of one's own appointment."""

    throttle_classes = [guards.AddressThrottle]
    throttle_scope = "book"

    def get_throttles(self) -> list[BaseThrottle]:
        """Only starting one asks somebody outside."""
        return super().get_throttles() if self.request.method == "POST" else []

    @extend_schema(responses=PrepaymentSerializer)
    def get(self, request: Request, token: str) -> Response:
        appointment = guards.appointment(token)
        seen = {
            "state": appointment.state,
            "fee": appointment.fee,
            "held_until": appointment.held_until,
            "providers": providers.enabled(),
            "payments": appointment.payments.order_by("pk"),
        }
        return Response(PrepaymentSerializer(seen).data)

    @extend_schema(request=WaySerializer, responses=StartedSerializer)
    def post(self, request: Request, token: str) -> Response:
        """Starts it, or says again where to go; a notice of the provider books the number."""
        started = payments.start(
            appointment_id=guards.appointment(token).pk,
            provider=body(request, WaySerializer)["provider"],
            return_url=settings.SITE_URL + reverse("phone", args=[token]),
            address=written_address(request._request),
        )
        return Response({**PaymentSerializer(started.payment).data, "url": started.url})
